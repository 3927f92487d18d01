#!/usr/bin/env bash
# Runs the tests of the given packages with the race detector, one package at a
# time so that timings mean something on a small machine, and sums them up. Those
# that begin no goroutine go without: the detector finds nothing there and takes ten
# times as long as they do.
set -euo pipefail
cd "$(dirname "$0")/.."
alone='^mirrord/internal/replay(/|$)'
packages=$(go list "$@")
tests() { # FLAGS PACKAGES
  [ -z "$2" ] || go test $1 -count=1 -p=1 -timeout=20m -json $2
}
{
  status=0
  tests -race "$(grep -Ev "$alone" <<<"$packages" || true)" || status=$?
  tests "" "$(grep -E "$alone" <<<"$packages" || true)" || status=$?
  exit $status
} | go run ./scripts/testsummary
