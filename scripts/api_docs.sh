#!/usr/bin/env bash
# Makes the API reference of the public headers; a warning is an error.
#
#   scripts/api_docs.sh [directory]      build/api unless given; begin with html/index.html
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $# -gt 1 || ${1:-} == -* ]]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
directory=${1:-build/api}
mkdir -p "$directory"
# Its log is complete only in a file, and its status tells of warnings only at the end.
log=$directory/warnings.txt
status=0
{
  cat docs/api/Doxyfile
  printf 'OUTPUT_DIRECTORY = "%s"\nWARN_LOGFILE = "%s"\nWARN_AS_ERROR = FAIL_ON_WARNINGS\n' \
    "$directory" "$log"
} | doxygen - || status=$?
if [[ $status -ne 0 || -s $log ]]; then
  cat "$log" >&2
  printf 'api_docs: doxygen ended with status %d; its warnings are above\n' "$status" >&2
  exit 1
fi
pages=$(find "$directory/html" -name '*.html' | wc -l)
printf 'api_docs: %s/html/index.html, %d pages\n' "$directory" "$pages"
