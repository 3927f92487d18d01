#!/usr/bin/env bash
# Runs every fuzz test of the module for the given time or count each, as go test's
# -fuzztime takes it (default 20000x).
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-20000x}
count=0
while IFS=: read -r file target; do
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "./$(dirname "$file")"
  count=$((count + 1))
done < <(grep -rhoE --include='*_test.go' --with-filename '^func Fuzz[A-Za-z0-9_]+' . | sed 's/func //')
echo "$count fuzz tests, $fuzztime each"
