#!/usr/bin/env bash
# Checks the models exhaustively and shows that every planted defect is found.
#
#   run.sh                 all runs, one table; exit status 1 when one is not as expected
#   run.sh --trace SWITCH  the shortest counterexample (or witness) of one run, in words
#
# Needs spin 6.5 and gcc.  Everything temporary lives in one mktemp directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# model | name | expected: pass, or the property that fails | -D switches
#
# S1 one winner per shard and epoch.  S2 wins come in the order of the epochs.
# S3 no second win before the first winner's round has ended.  P1 progress.
# "reached": the property is an inverted one and shows that something can happen.
runs='
election    | -                   | pass    |
election    | TWO_CRASHES         | pass    | -DCRASHES=2
election    | NO_CLOCKS           | pass    | -DNO_ROUND_WAIT -DNO_ABSTENTION -DONLY_S1
election    | PROGRESS            | pass    | -DPROGRESS
election    | REACH_WIN           | reached | -DREACH_WIN -DEPOCHS=2
election    | REACH_TWO_EPOCHS    | reached | -DREACH_TWO_EPOCHS -DEPOCHS=2
election    | REACH_RESTARTED     | reached | -DREACH_RESTARTED -DEPOCHS=2
election    | LEDGER_BY_PRIMARY   | S1      | -DLEDGER_BY_PRIMARY -DEPOCHS=2
election    | VOTE_BEFORE_DURABLE | S1      | -DVOTE_BEFORE_DURABLE -DEPOCHS=2
election    | COUNT_DUPLICATES    | S1      | -DCOUNT_DUPLICATES -DEPOCHS=2
election    | COUNT_ANY_EPOCH     | S1      | -DCOUNT_ANY_EPOCH -DEPOCHS=2
election    | NO_ROUND_WAIT       | S3      | -DNO_ROUND_WAIT -DEPOCHS=2
election    | NO_ABSTENTION       | S3      | -DNO_ABSTENTION -DEPOCHS=2
election    | EPOCH_NOT_DURABLE   | S3      | -DEPOCH_NOT_DURABLE -DEPOCHS=2
election    | WITHDRAW_ANY_EPOCH  | S3      | -DWITHDRAW_ANY_EPOCH
replacement | -                   | pass    |
replacement | FAIL_STOP           | pass    | -DFAIL_STOP
replacement | PROGRESS            | pass    | -DPROGRESS
replacement | REACH_NEW_VOTER     | reached | -DREACH_NEW_VOTER -DEPOCHS=2
replacement | REACH_DISJOINT      | reached | -DREACH_DISJOINT -DEPOCHS=2
replacement | NO_WAIT             | S1      | -DNO_WAIT -DFAIL_STOP -DEPOCHS=2
replacement | HEARS_BEFORE_WAIT   | S1      | -DHEARS_BEFORE_WAIT -DEPOCHS=2
replacement | HEARS_UNSETTLED     | S1      | -DHEARS_UNSETTLED -DEPOCHS=2
replacement | FLOOR_NOT_DURABLE   | S1      | -DFLOOR_NOT_DURABLE -DEPOCHS=2
replacement | RESTART_SKIPS_WAIT  | S1      | -DRESTART_SKIPS_WAIT -DFAIL_STOP -DEPOCHS=2
replacement | V1_KEEPS_VOTING     | S1      | -DV1_KEEPS_VOTING -DEPOCHS=2
replacement | WAIT_FROM_PROMOTION | S1      | -DWAIT_FROM_PROMOTION -DEPOCHS=2
'

# Runs one model in $work/run; leaves pan's report in $work/run/log.
check() { # model expected switches...
  local model=$1 expected=$2 search=''
  shift 2
  rm -rf "$work/run" && mkdir "$work/run" && cd "$work/run"
  [ "$expected" = pass ] || search=-DBFS      # breadth first finds a shortest trace
  spin -a "$@" "$here/$model.pml" > log 2>&1 &&
    gcc -w -O1 -DSAFETY $search -DMEMLIM=4000 -o pan pan.c >> log 2>&1 &&
    ./pan -m10000 -w22 >> log 2>&1 || true
}

# What pan's report amounts to, in one word.
verdict() {
  local log=$work/run/log
  if grep -qE 'max search depth too small|out of memory|MEMLIM|Search not completed' "$log" &&
     ! grep -q 'errors: 1' "$log"; then echo truncated
  elif grep -q 'errors: 0' "$log"; then echo pass
  elif ! grep -q 'errors: 1' "$log"; then echo broken
  elif grep -q 'pan:1: invalid end state' "$log"; then echo deadlock
  elif [ "$1" = reached ]; then echo reached
  elif grep -qE 'assertion violated .*won.*!=epoch' "$log"; then echo S1
  elif grep -qE 'assertion violated .*won.*<epoch' "$log"; then echo S2
  elif grep -qE 'assertion violated .*won.*open' "$log"; then echo S3
  elif grep -qE 'assertion violated .*won.*won' "$log"; then echo P1
  else echo other; fi
}

each_run() { # callback, called with: model name expected switches...
  local model name expected switches
  while IFS='|' read -r model name expected switches; do
    [ -n "${model// /}" ] && "$1" ${model} ${name} ${expected} ${switches}
  done <<< "$runs"
  return 0
}

failures=0
row() {
  local model=$1 name=$2 expected=$3 from got mark=''
  shift 3
  check "$model" "$expected" "$@"
  got=$(verdict "$expected")
  if [ "$got" != "$expected" ]; then
    mark='  <-- not as expected'
    failures=$((failures + 1))
    cat "$work/run/log" >&2
  fi
  number() { sed -nE "s/^ *([0-9.e+]+) $1.*/\1/p" "$work/run/log" | head -1; }
  printf '%-12s %-20s %-9s %-9s %10s %12s %6s %7s %6s%s\n' "$model" "$name" "$expected" "$got" \
    "$(number 'states, stored')" "$(number transitions)" \
    "$(sed -nE 's/.*depth reached ([0-9]+).*/\1/p' "$work/run/log")" \
    "$(sed -nE 's/^State-vector ([0-9]+) byte.*/\1/p' "$work/run/log")" \
    "$(sed -nE 's/.*elapsed time ([0-9.e-]+) seconds.*/\1/p' "$work/run/log" | head -1)" "$mark"
}

found=''
trace() {
  local model=$1 name=$2 expected=$3
  [ "$name" = "$wanted" ] && [ "$expected" != pass ] || return 0
  shift 3
  found=yes
  check "$model" "$expected" "$@"
  echo "$model.pml $*: $(verdict "$expected")"
  cd "$work/run"
  spin -t -T -k "$model.pml.trail" "$@" "$here/$model.pml" | sed -nE '/^(spin:|#proc)/q; s/^/  /p'
}

case ${1-} in
'')
  printf '%-12s %-20s %-9s %-9s %10s %12s %6s %7s %6s\n' \
    model switch expected result states transitions depth 'vector' seconds
  each_run row
  [ "$failures" = 0 ] && echo "all as expected" || { echo "$failures not as expected"; exit 1; }
  ;;
--trace)
  wanted=${2-}
  each_run trace
  [ -n "$found" ] || { echo "no such switch: '$wanted'; see the table in $0" >&2; exit 2; }
  ;;
*)
  sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
