#!/usr/bin/env bash
# Configures and builds one preset; binaries land in build/<preset>/bin.
#
#   scripts/build.sh <release|debug|asan|tsan|fuzz> [target...]
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $# -lt 1 || $1 == -* ]]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
preset=$1
shift

targets=()
for target in "$@"; do targets+=(--target "$target"); done

if ! log=$(cmake --preset "$preset" 2>&1); then
  printf '%s\n' "$log" >&2
  printf 'build: configuring %s failed\n' "$preset" >&2
  exit 1
fi
if ! cmake --build --preset "$preset" "${targets[@]}"; then
  printf 'build: %s failed; the compiler'\''s messages are above\n' "$preset" >&2
  exit 1
fi
