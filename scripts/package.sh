#!/usr/bin/env bash
# Builds the shared libraries and packs them for Debian.
#
#   scripts/package.sh [build directory, build/shared] [cmake argument...]
#
# libclusterkit<version>_*.deb, which programs need, and libclusterkit-dev_*.deb, to build them, are
# then in deb/ of the build directory.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1:-} == -* ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
build=${1:-build/shared}
shift || true

# Libraries of a package go where the architecture's are, which CMake knows for this prefix only.
cmake --preset release -B "$build" -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON \
  -DCLUSTERKIT_UNITY=ON -DCLUSTERKIT_BUILD_EXAMPLES=OFF -DCLUSTERKIT_BUILD_BENCH=OFF "$@" >/dev/null
cmake --build "$build"
rm -rf "$build/deb"
(cd "$build" && cpack)
rm -r "$build/deb/_CPack_Packages"
