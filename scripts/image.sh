#!/usr/bin/env bash
# Fills a directory with what the Dockerfile copies, and the Dockerfile.
# Usage: scripts/image.sh DIR
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
certs=${CA_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
if [ ! -r "$certs" ]; then
  echo "image: $certs cannot be read; set CA_CERTIFICATES to a bundle of root certificates" >&2
  exit 1
fi
version=$(git describe --tags --always --dirty 2>/dev/null || true)
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$dir/mirrord" ./cmd/mirrord
cp "$certs" "$dir/ca-certificates.crt"
chmod 644 "$dir/ca-certificates.crt"
rm -rf "$dir/data"
mkdir "$dir/data"
cp Dockerfile "$dir/Dockerfile"
