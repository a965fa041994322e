#!/usr/bin/env bash
# Installs a finished build into a directory of its own, builds app/ against that by CMake and by
# pkg-config, and runs it.
#
#   tests/consumer/run.sh <build directory>
set -euo pipefail
source "$(dirname "$0")/lib.sh"
build=$(build_directory "$@")

step "install" cmake --install "$build" --prefix "$work/prefix"
copy_app
step "configure" configure app "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix"
step "build" cmake --build "$work/build"
"$work/build/app"

use_pkgconfig_of "$work/prefix"
for library in clusterkit clusterkit-{core,wire,node,file,uv,sim}; do
  step "pkg-config $library" pkg-config --print-errors --exists "$library"
done
read -r -a flags <<<"$(pkg-config --cflags clusterkit)"
step "compile by pkg-config" g++ -std=c++20 "${flags[@]}" -c "$work/app/hello.cc" -o "$work/hello.o"
for static in "" --static; do
  read -r -a libs <<<"$(pkg-config $static --libs clusterkit)"
  step "link by pkg-config $static" g++ "$work/hello.o" "${libs[@]}" -o "$work/hello"
done
printf 'consumer: passed\n'
