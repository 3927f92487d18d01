#!/usr/bin/env bash
# Builds the .deb and the .rpm. Usage: scripts/packages.sh DIR, with NFPM the pinned
# module, ARCH (default this machine's) and VERSION (default what git says).
set -euo pipefail
: "${NFPM:?the pinned module, set by the Makefile}"
dir=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || true)}
ARCH=${ARCH:-$(go env GOARCH)}
# A package's version begins with a digit and has no dash; v1.2.0-rc1 comes before
# v1.2.0, three commits after v1.2.0 are 1.2.0+3.gHASH, and a bare commit is older than
# any release.
case $version in
v[0-9]*) VERSION=$(sed -E 's/^v//; s/-([0-9]+-g[0-9a-f]+)/+\1/; s/-dirty$/+dirty/; s/-(rc|alpha|beta)/~\1/; s/-/./g' <<<"$version") ;;
*) VERSION=0.0.0~git${version//-/.} ;;
esac
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
export VERSION ARCH STAGE
CGO_ENABLED=0 GOARCH=$ARCH go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$STAGE/mirrord" ./cmd/mirrord
for shell in bash zsh; do go run ./cmd/mirrord completion "$shell" >"$STAGE/$shell"; done
gzip -9n <packaging/mirrord.8 >"$STAGE/mirrord.8.gz"
GOBIN=$STAGE go install "$NFPM"
for kind in deb rpm; do "$STAGE/nfpm" package --config packaging/nfpm.yaml --packager "$kind" --target "$dir/"; done
