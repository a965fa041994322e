#!/usr/bin/env bash
# Builds parts/ with the sources of clusterkit as a part of it, and runs it: by FetchContent of an
# archive of this tree, then by add_subdirectory() of what that unpacked, which finds all objects
# made already. Without exceptions and RTTI.
#
#   tests/consumer/subproject.sh [compiler, g++]
#
# Only what the programs need is built, without optimisation; protobuf and libuv are not there.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

compiler=${1:-g++}
command -v "$compiler" >/dev/null || usage

copy_parts
archive=$work/clusterkit.tar.gz
step "archive" tar -C "$root" -czf "$archive" --transform 's,^,clusterkit/,' \
  CMakeLists.txt LICENSE cmake include proto src

use() {  # use <how> <source>
  step "configure: $1" configure parts "$work/build" \
    -DCLUSTERKIT="$1" -DCLUSTERKIT_SOURCE="$2" -DCLUSTERKIT_UNITY=ON \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="-fno-exceptions -fno-rtti" \
    -DCMAKE_DISABLE_FIND_PACKAGE_{Protobuf,PkgConfig}=ON
  step "build" cmake --build "$work/build"
  for part in core node; do
    "$work/build/${part}_app"
    rm "$work/build/${part}_app"
  done
}
use fetch "$archive"
use subdirectory "$work/build/_deps/clusterkit-src"
printf '%s: passed\n' "$name"
