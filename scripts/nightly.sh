#!/usr/bin/env bash
# What takes too long for every change: fuzzing, and simulations of seeds that nobody has run yet.
#
#   scripts/nightly.sh [seconds for each fuzz target, 600] [seeds, 2000]
#
# Inputs that the fuzzers keep are in build/fuzz/corpus; what crashed them, and the log of a seed
# that failed, is in build/nightly. Nothing is written elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600} seeds=${2:-2000}
if [[ ! $seconds =~ ^[1-9][0-9]*$ || ! $seeds =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi

out=$PWD/build/nightly
mkdir -p "$out"
failed=()
say() { printf '\n=== nightly: %s\n' "$*"; }

scripts/install_deps.sh --all

if [[ -f fuzz/CMakeLists.txt ]]; then
  say "fuzz: build"
  scripts/build.sh fuzz
  for program in build/fuzz/bin/*_fuzz; do
    [[ -x $program ]] || continue
    name=$(basename "$program")
    kept=build/fuzz/corpus/$name
    mkdir -p "$kept"
    corpora=("$kept")
    if [[ -d fuzz/corpus/${name%_fuzz} ]]; then corpora+=("fuzz/corpus/${name%_fuzz}"); fi
    say "fuzz: $name for $seconds s"
    if ! "$program" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -max_len=65536 \
      -artifact_prefix="$out/$name-" "${corpora[@]}" 2>"$out/$name.log"; then
      failed+=("$name: $out/$name.log")
    fi
    tail -n 3 "$out/$name.log"
  done
fi

say "simulation: build"
scripts/build.sh release sim_test
# A band of its own for each day, clear of the seeds that the tests use.
first=$((1000000 + ($(date -u +%s) / 86400) * seeds))
run=(build/release/bin/sim_test "random faults*")
say "simulation: seeds $first to $((first + seeds - 1))"
for ((seed = first; seed < first + seeds; seed++)); do
  if ! CLUSTERKIT_SIM_SEED=$seed "${run[@]}" >"$out/sim.log" 2>&1; then
    mv "$out/sim.log" "$out/sim-$seed.log"
    failed+=("seed $seed: $out/sim-$seed.log; CLUSTERKIT_SIM_SEED=$seed ${run[0]} '${run[1]}'")
    tail -n 15 "$out/sim-$seed.log"
  fi
done

say "summary"
if [[ ${#failed[@]} -gt 0 ]]; then
  printf '%s\n' "${failed[@]}"
  exit 1
fi
printf 'nothing found\n'
