#!/usr/bin/env bash
# Installs what is missing on Debian or Ubuntu; does nothing, and needs no network, if all is there.
#
#   scripts/install_deps.sh          what building and testing need
#   scripts/install_deps.sh --demo   what building kvserver and running scripts/demo.sh need
#   scripts/install_deps.sh --all    also clang with its sanitizers and fuzzer, linters, gcovr,
#                                    what draws the diagrams and the API reference, the browser
#                                    that kvserver's page is tested with
set -euo pipefail

build=(g++ make cmake ninja-build ccache pkg-config libabsl-dev libprotobuf-dev protobuf-compiler
       libuv1-dev libcpp-httplib-dev libncurses-dev nlohmann-json3-dev python3)
demo=(redis-tools)
test=(catch2 libbenchmark-dev redis-server spin python3-redis)
# Any node will do that has npm.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then test+=(nodejs npm); fi
extra=(clang-14 libclang-rt-14-dev clang-format clang-tidy gcovr doxygen graphviz mscgen chromium
       dpkg-dev file)

case "${1:-}" in
  "") wanted=("${build[@]}" "${demo[@]}" "${test[@]}") ;;
  --demo) wanted=("${build[@]}" "${demo[@]}") ;;
  --all) wanted=("${build[@]}" "${demo[@]}" "${test[@]}" "${extra[@]}") ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

say() { printf 'install_deps: %s\n' "$*"; }

if ! command -v dpkg-query >/dev/null; then
  say "this is not a Debian system; please see to it that these are here: ${wanted[*]}"
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  say "nothing is missing"
  exit 0
fi

root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    say "missing: ${missing[*]}; installing needs root or sudo" >&2
    exit 1
  fi
  root=(sudo)
fi

# Packages that bring a server (redis-server) would start it. While this policy is in place they
# do not; only its program is wanted.
policy=/usr/sbin/policy-rc.d
if [[ " ${missing[*]} " == *" redis-server "* && ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
  trap '"${root[@]}" rm -f "$policy"' EXIT
  on_boot=redis-server
fi

say "installing: ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
if [[ -n ${on_boot:-} ]] && command -v systemctl >/dev/null; then
  "${root[@]}" systemctl disable --quiet "$on_boot" 2>/dev/null || true
fi
say "done"
