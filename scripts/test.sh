#!/usr/bin/env bash
# Runs the tests of the given packages with the race detector, one package at a
# time so that timings mean something on a small machine, and sums them up.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -race -count=1 -p=1 -timeout=20m -json "$@" | go run ./scripts/testsummary
