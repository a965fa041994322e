#!/usr/bin/env bash
# Builds kvserver and shows a failover: six servers, one cluster, one SIGKILL.
#
#   scripts/demo.sh [--node-timeout MS] [--keys N] [--keep]
#
# Installs what is missing first (see scripts/install_deps.sh). Needs about two minutes and ports
# of its own choice on 127.0.0.1; leaves nothing running, and no files if all went well.
set -euo pipefail
cd "$(dirname "$0")/.."

printf 'Dependencies and build\n'
scripts/install_deps.sh --demo
scripts/build.sh release kvserver
exec python3 -B scripts/demo.py --server build/release/bin/kvserver "$@"
