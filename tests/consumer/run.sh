#!/usr/bin/env bash
# Installs a finished build into a directory of its own, builds app/ against that, and runs it.
#
#   tests/consumer/run.sh <build directory>
set -euo pipefail

if [[ $# -ne 1 || ! -f $1/CMakeCache.txt ]]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d -t clusterkit-consumer-XXXXXX)
trap 'rm -rf "$work"' EXIT

step() {  # Says what it does; shows the output of the command only if it fails.
  printf 'consumer: %s\n' "$1"
  shift
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    printf 'consumer: failed: %s\n' "$*" >&2
    exit 1
  fi
}

step "install" cmake --install "$build" --prefix "$work/prefix"
# The sources go elsewhere too: nothing may be found by a path relative to this tree.
cp -r "$here/app" "$work/app"
sed -n '/^```cpp$/,/^```$/p' "$here/../../README.md" | sed '1d;$d' >"$work/app/hello.cc"
step "configure" cmake -S "$work/app" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix"
step "build" cmake --build "$work/build"
"$work/build/app"

export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig:$work/prefix/lib64/pkgconfig"
step "pkg-config" pkg-config --print-errors --exists clusterkit clusterkit-sim
printf 'consumer: passed\n'
