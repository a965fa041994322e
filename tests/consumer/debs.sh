#!/usr/bin/env bash
# Unpacks the packages of a build of shared libraries into a directory, and builds and runs app/
# against that, as if they were installed; also with the package for programs alone.
#
#   tests/consumer/debs.sh <build directory of scripts/package.sh>
set -euo pipefail
source "$(dirname "$0")/lib.sh"
build=$(build_directory "$@")

runtime=$(find "$build/deb" -maxdepth 1 -name 'libclusterkit[0-9]*.deb')
development=$(find "$build/deb" -maxdepth 1 -name 'libclusterkit-dev_*.deb')
[[ -f $runtime && -f $development ]] || fail "no packages in $build/deb: see scripts/package.sh"

says() { grep -qE "$2" <<<"$1" || fail "not in $1: $2"; }
version=$(dpkg-deb --field "$runtime" Version)
depends=$(dpkg-deb --field "$runtime" Depends)
for library in libabsl libprotobuf-lite libuv1 'libstdc\+\+6' libc6; do
  says "$depends" "$library"
done
depends=$(dpkg-deb --field "$development" Depends)
for library in "$(dpkg-deb --field "$runtime" Package) \(= $version\)" libabsl-dev libuv1-dev; do
  says "$depends" "$library"
done
step "dependencies can be had" apt-get --simulate --no-download install "$runtime" "$development"

# A file that is in both packages could not be installed.
files() { dpkg-deb --fsys-tarfile "$1" | tar -t | grep -v '/$' | sort; }
both=$(comm -12 <(files "$runtime") <(files "$development"))
[[ -z $both ]] || fail "in both packages: $both"

step "unpack" dpkg-deb --extract "$development" "$work/root"
step "unpack" dpkg-deb --extract "$runtime" "$work/root"
copy_app
step "configure" configure app "$work/build" -DCMAKE_PREFIX_PATH="$work/root/usr"
step "build" cmake --build "$work/build"

step "unpack the libraries alone" dpkg-deb --extract "$runtime" "$work/alone"
rm -r "$work/root"
LD_LIBRARY_PATH=$(dirname "$(find "$work/alone" -name 'libclusterkit_core.so.*' | head -n 1)")
export LD_LIBRARY_PATH
"$work/build/app"
printf '%s: passed\n' "$name"
