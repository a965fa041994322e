# What the scripts of this directory share; sourced by them.
#
# here: this directory. root: the source tree. work: a directory that is gone when the script ends.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
name=$(basename "$0" .sh)
work=$(mktemp -d -t "clusterkit-$name-XXXXXX")
trap 'rm -rf "$work"' EXIT

usage() {  # Prints the comment at the top of the script.
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

fail() {
  printf '%s: %s\n' "$name" "$*" >&2
  exit 1
}

step() {  # Says what it does; shows the output of the command only if it fails.
  printf '%s: %s\n' "$name" "$1"
  shift
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    fail "failed: $*"
  fi
}

build_directory() {  # The absolute path of a finished build.
  [[ $# -eq 1 && -f $1/CMakeCache.txt ]] || usage
  (cd "$1" && pwd)
}

install_component() {  # install_component <build> <prefix> <component>
  step "install $3" cmake --install "$1" --prefix "$2" --component "$3"
}

# The projects go elsewhere: nothing may be found by a path relative to this tree.

copy_app() {
  cp -r "$here/app" "$work/app"
  sed -n '/^```cpp$/,/^```$/p' "$root/README.md" | sed '1d;$d' >"$work/app/hello.cc"
}

copy_parts() { cp -r "$here/parts" "$work/parts"; }

configure() {  # configure <project> <build> <cmake argument>...
  local project=$1 build=$2 generator=()
  shift 2
  if command -v ninja >/dev/null; then generator=(-G Ninja); fi
  cmake "${generator[@]}" -S "$work/$project" -B "$build" -Wno-dev --no-warn-unused-cli "$@"
}

use_pkgconfig_of() {  # use_pkgconfig_of <prefix>
  PKG_CONFIG_PATH=$(dirname "$(find "$1" -name 'clusterkit-core.pc')")
  export PKG_CONFIG_PATH
}
