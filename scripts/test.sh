#!/usr/bin/env bash
# Runs the tests: installs what is missing, builds, runs everything, sums up.
#
#   scripts/test.sh            the release build, all tests
#   scripts/test.sh --asan     then also AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/test.sh --tsan     then also ThreadSanitizer, for the tests that use threads
#   scripts/test.sh -L unit    only tests whose label matches (unit contract scenario sim examples
#                              process docs repo model consumer)
# With CI=1 in the environment all three builds are tested.
set -euo pipefail
cd "$(dirname "$0")/.."

asan=0 tsan=0 select=()
if [[ ${CI:-} == 1 || ${CI:-} == true ]]; then asan=1 tsan=1; fi
while [[ $# -gt 0 ]]; do
  case "$1" in
    --asan) asan=1 ;;
    --tsan) tsan=1 ;;
    -L | -R) select+=("$1" "${2:?$1 needs an expression}"); shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

started=$SECONDS
say() {
  local now=$((SECONDS - started))
  printf '\n=== %s  [%d:%02d]\n' "$*" $((now / 60)) $((now % 60))
}

results=()
run_tests() {  # run_tests <preset>
  local preset=$1 directory=$PWD/build/$1
  say "$preset: test"
  rm -f "$directory"/tests.{xml,json}
  ctest --preset "$preset" --show-only=json-v1 >"$directory/tests.json"
  # Its exit status says no more than the summary does.
  ctest --preset "$preset" --parallel "$(nproc)" "${select[@]}" \
    --output-junit "$directory/tests.xml" --test-output-size-passed 65536 \
    --test-output-size-failed 262144 --test-output-truncation head || true
  if [[ ! -s $directory/tests.xml ]]; then
    printf 'test: ctest left no results for %s\n' "$preset" >&2
    exit 1
  fi
  results+=("$directory")
}

say "dependencies"
scripts/install_deps.sh

say "release: build"
scripts/build.sh release
run_tests release

if [[ $asan == 1 ]]; then
  say "asan: build"
  scripts/build.sh asan
  run_tests asan
fi

if [[ $tsan == 1 ]]; then
  say "tsan: build"
  # Only what its tests run: each is named like its target.
  cmake --preset tsan >/dev/null
  mapfile -t targets < <(ctest --preset tsan --show-only=json-v1 2>/dev/null | python3 -c '
import json, sys
for test in json.load(sys.stdin)["tests"]:
    print(test["name"])')
  if [[ ${#targets[@]} -eq 0 ]]; then
    printf 'test: no test is labelled contract or thread\n' >&2
    exit 1
  fi
  scripts/build.sh tsan "${targets[@]}"
  run_tests tsan
fi

say "summary"
python3 -B scripts/test_summary.py "${results[@]}"
