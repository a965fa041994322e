#!/usr/bin/env bash
# Installs a finished build component by component. With core alone, a program of the core is built
# where neither protobuf nor libuv can be found; all components together are the whole installation.
#
#   tests/consumer/components.sh <build directory>
set -euo pipefail
source "$(dirname "$0")/lib.sh"
build=$(build_directory "$@")
prefix=$work/prefix
copy_app
copy_parts

install_component "$build" "$prefix" core
without=(-DCMAKE_DISABLE_FIND_PACKAGE_Protobuf=ON -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON)
step "configure a program of the core" configure parts "$work/core" -DPARTS=core \
  -DCMAKE_PREFIX_PATH="$prefix" "${without[@]}"
step "build it" cmake --build "$work/core"
"$work/core/core_app"
needed=$(readelf --dynamic "$work/core/core_app" | grep NEEDED)
use_pkgconfig_of "$prefix"
needed+=$(pkg-config --static --libs clusterkit-core)
! grep -E 'libuv|lib(uv|protobuf)|-l(uv|protobuf)' <<<"$needed" || fail "core alone needs more"

if configure app "$work/missing" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1; then
  fail "components that are not installed were found"
fi
grep -q 'is not installed; there are: core' "$work/log" || fail "no word of what is installed"

for component in node wire file uv sim umbrella; do
  install_component "$build" "$prefix" "$component"
done
step "install the whole" cmake --install "$build" --prefix "$work/whole"
step "compare" diff -r "$prefix" "$work/whole"
