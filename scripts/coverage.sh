#!/usr/bin/env bash
# Which lines of the protocol the unit tests, the scenarios and the simulations reach, file by file.
# The pages with the lines are in build/coverage/html.
#
#   scripts/coverage.sh [seeds of the campaign, 200]
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-200}
if [[ ! $seeds =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
say() { printf '\n=== coverage: %s\n' "$*"; }

scripts/install_deps.sh --all
build=build/coverage
say "build"
scripts/build.sh coverage unit_test node_test scenario_test sim_unit_test sim_test clusterkit-sim
find "$build" -name '*.gcda' -delete

say "run"
for program in unit_test node_test scenario_test sim_unit_test sim_test; do
  # All but the hundred shards, which would take minutes and reach nothing more.
  "$build/bin/$program" "~just under half*" >"$build/$program.log" || {
    printf 'coverage: %s failed: see %s\n' "$program" "$build/$program.log" >&2
    exit 1
  }
done
"$build/bin/clusterkit-sim" --seeds "0-$((seeds - 1))" --no-large --no-coverage --jobs 1 \
  --out "$build" >"$build/campaign.log"

say "lines of src/core, src/engine and src/model"
mkdir -p "$build/html"
gcovr --root . --filter 'src/(core|engine|model)/' --exclude-unreachable-branches \
  --html-details "$build/html/index.html" --txt - "$build"
