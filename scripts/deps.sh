#!/usr/bin/env bash
# Installs the Debian packages that the tests and the bench need and that are
# missing. This is the one list of them: "PACKAGE[|OTHER] COMMAND", where OTHER
# is the package's name in other releases and "-" means that it has no command.
set -euo pipefail

needed='
nginx-light|nginx nginx
apt-cacher-ng apt-cacher-ng
apt-utils apt-ftparchive
dpkg-dev dpkg-scanpackages
gnupg gpg
docker.io dockerd
docker-cli|docker.io docker
containerd ctr
docker-registry docker-registry
podman podman
skopeo skopeo
wrk wrk
xz-utils xz
zstd zstd
lz4 lz4
bzip2 bzip2
pigz pigz
libdeflate-tools libdeflate-gzip
zopfli zopfli
zip zip
rpm rpmbuild
createrepo-c createrepo_c
dnf dnf
zypper zypper
prometheus promtool
zchunk zckdl
btrfs-progs mkfs.btrfs
e2fsprogs mke2fs
procps ps
iproute2 tc
systemd systemd-socket-activate
man-db man
curl curl
ca-certificates update-ca-certificates
gcc gcc
libc6-dev -
'

if [ "$(uname -s)" != Linux ]; then
  echo "deps: not Linux; what cannot run here says so at the end of the tests"
  exit 0
fi
PATH=$PATH:/usr/sbin:/sbin

have() { # PACKAGES COMMAND
  if [ "$2" != - ]; then
    command -v "$2" >/dev/null
  elif command -v dpkg-query >/dev/null; then
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
  fi
}

missing() {
  while read -r packages cmd; do
    if [ -n "$packages" ] && ! have "$packages" "$cmd"; then echo "$packages"; fi
  done <<<"$needed"
}

# The first of the names that this release has.
pick() {
  local name
  for name in ${1//|/ }; do
    if apt-cache show "$name" >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo "deps: apt knows no package $1" >&2
  return 1
}

absent=$(missing)
if [ -z "$absent" ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  printf 'deps: these are missing, and there is no apt-get to install them:\n%s\n' "$absent" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo)
  if ! command -v sudo >/dev/null; then
    printf 'deps: these are missing; install them as root:\n%s\n' "$absent" >&2
    exit 1
  fi
fi

# nginx, apt-cacher-ng, docker.io and prometheus start services when they are installed. The
# tests start their own, so the machine is told not to (policy-rc.d), for as long
# as this takes and unless it has a policy already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

"${as_root[@]}" apt-get -q update
packages=()
for names in $absent; do
  name=$(pick "$names")
  packages+=("$name")
done
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -q install -y --no-install-recommends "${packages[@]}"

absent=$(missing)
if [ -n "$absent" ]; then
  printf 'deps: still missing after the installation:\n%s\n' "$absent" >&2
  exit 1
fi
