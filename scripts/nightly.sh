#!/usr/bin/env bash
# What takes too long for every change: fuzzing, simulations of seeds that nobody has run yet, and a
# cluster of kvserver with sanitizers under load and faults.
#
#   scripts/nightly.sh [seconds for each fuzz target, 600] [seeds, 20000] [minutes of soak, 30]
#
# What the fuzzers keep and find is in build/fuzz/kept and build/fuzz/found; the log of a seed that
# failed is in build/nightly, as is that of the soak. If the soak fails, its last lines name a
# directory with the servers' logs and data.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600} seeds=${2:-20000} minutes=${3:-30}
if [[ ! $seconds =~ ^[1-9][0-9]*$ || ! $seeds =~ ^[1-9][0-9]*$ ||
      ! $minutes =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi

out=$PWD/build/nightly
mkdir -p "$out"
failed=()
say() { printf '\n=== nightly: %s\n' "$*"; }

scripts/install_deps.sh --all

say "fuzz: $seconds s for each target"
scripts/fuzz.sh "$seconds" || failed+=("fuzz: see build/fuzz/found")

say "simulation: build"
scripts/build.sh release clusterkit-sim
# A band of its own for each day, clear of the seeds that the tests use.
first=$((1000000 + ($(date -u +%s) / 86400) * seeds))
last=$((first + seeds - 1))
say "simulation: seeds $first to $last"
if ! build/release/bin/clusterkit-sim --seeds "$first-$last" --out "$out" >"$out/sim.log"; then
  failed+=("simulation: see $out/sim.log")
fi
cat "$out/sim.log"

say "soak: $minutes minutes"
scripts/build.sh asan kvserver
if ! KVSERVER=$PWD/build/asan/bin/kvserver python3 -B tests/process/soak.py "$minutes" \
    >"$out/soak.log" 2>&1; then
  failed+=("soak: see $out/soak.log")
fi
tail -n 20 "$out/soak.log"

say "public headers alone, by clang"
scripts/build.sh release clusterkit_file clusterkit_uv
if ! python3 -B tests/consumer/headers.py build/release clang++-14 >"$out/headers.log"; then
  failed+=("headers: see $out/headers.log")
fi

say "summary"
if [[ ${#failed[@]} -gt 0 ]]; then
  printf '%s\n' "${failed[@]}"
  exit 1
fi
printf 'nothing found\n'
