#!/usr/bin/env bash
# Builds the fuzz targets, runs each over its seeds and then for a while, and sums up. Ends with
# status 1 if one found something.
#
#   scripts/fuzz.sh [seconds for each target, 10] [target...]
#
# Inputs that the fuzzers keep are in build/fuzz/kept, logs and what broke a target in
# build/fuzz/found. Seeds that are worth it go into fuzz/corpus by hand, minimised:
#   build/fuzz/bin/decode_fuzz -merge=1 fuzz/corpus/decode build/fuzz/kept/decode
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
shift || true

# What makes one target fast, or thorough; the others get 4096 bytes.
declare -A options=(
  [config]="-max_len=1024"
  # Paths through the core are too many to be told apart by counts.
  [core]="-max_len=160 -use_counters=0 -entropic=0"
  [payload]="-max_len=512"
  [resp]="-max_len=1024"
)

if [[ $# -gt 0 ]]; then
  scripts/build.sh fuzz "$@"
  targets=("$@")
else
  scripts/build.sh fuzz fuzzers
  mapfile -t targets < <(sed -n 's/^clusterkit_fuzzer(\([a-z_]*_fuzz\).*/\1/p' fuzz/CMakeLists.txt)
fi

stat() {
  local value
  value=$(sed -n "s/^stat::$2: *//p" "$1")
  printf '%s' "${value:--}"
}

table=() status=0
for target in "${targets[@]}"; do
  name=${target%_fuzz}
  name=${name%_formats}
  kept=build/fuzz/kept/$name found=build/fuzz/found
  log=$found/$target.log
  mkdir -p "$kept" "$found"
  corpora=("$kept")
  if [[ -d fuzz/corpus/$name ]]; then corpora+=("fuzz/corpus/$name"); fi
  arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
    -artifact_prefix="$found/$target-")
  if [[ -f fuzz/dict/$name.dict ]]; then arguments+=(-dict="fuzz/dict/$name.dict"); fi
  read -r -a own <<<"${options[$name]:--max_len=4096}"
  printf 'fuzz: %s for %d s\n' "$target" "$seconds"
  finding=none
  if ! "build/fuzz/bin/$target" "${arguments[@]}" "${own[@]}" "${corpora[@]}" >"$log" 2>&1; then
    status=1
    finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    # Without one the target did not get as far as running.
    finding=${finding:-$log}
    tail -n 25 "$log" >&2
  fi
  table+=("$target $(stat "$log" number_of_executed_units) $(stat "$log" average_exec_per_sec) \
$(find "$kept" -type f | wc -l) $finding")
done

printf '\n%-16s %12s %8s %8s  %s\n' target executions exec/s corpus finding
for row in "${table[@]}"; do
  read -r target executions rate corpus finding <<<"$row"
  printf '%-16s %12s %8s %8s  %s\n' "$target" "$executions" "$rate" "$corpus" "$finding"
done
if [[ $status -ne 0 ]]; then
  printf 'repeat a finding with build/fuzz/bin/<target> <finding>\n'
fi
exit "$status"
