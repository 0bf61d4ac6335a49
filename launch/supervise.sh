#!/usr/bin/env bash
# Keeps a run going: starts COMMAND again whenever it fails, so that it goes on from the newest good checkpoint.
#
#   launch/supervise.sh [options] RUN_FOLDER -- COMMAND...
#
#   --retries N       failures in a row without a new checkpoint, after which it gives up; default 5
#   --backoff S       seconds before the first retry; doubled each time, up to 10 minutes; default 10
#   --hostfile FILE   hosts, "NAME slots=N" a line: before each start those that ssh does not reach are left out, and in
#                     COMMAND the word {hostfile} becomes a file of the others and {ranks} the number of their slots
#
#   launch/supervise.sh runs/first -- launch/run_local.sh configs/gpt_tiny.yaml --ranks 2 --set run.output=runs/first
#   launch/supervise.sh --hostfile hosts runs/big -- mpirun --hostfile {hostfile} -np {ranks} --bind-to none phalanx train ...
#
# Ends with 0 when the run is finished or was asked to stop (^C, TERM or USR1, which save first), with 2 at once where the
# command line or configuration is bad, and with 1 when it gives up. RUN_FOLDER/supervise.log tells what happened and why.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

longest_wait=600
retries=5
backoff=10
hostfile=

while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage "$0"; exit 0 ;;
    --retries) need_value "$1" $#; need_count "$1" "$2"; retries=$2; shift 2 ;;
    --backoff) need_value "$1" $#; need_count "$1" "$2"; backoff=$2; shift 2 ;;
    --hostfile) need_value "$1" $#; hostfile=$2; shift 2 ;;
    -*) die "unknown option '$1'; see --help" ;;
    *) break ;;
  esac
done
[[ $# -ge 3 && $2 == -- ]] || { usage "$0" >&2; exit 2; }
run=$1
shift 2
[[ -z $hostfile || -r $hostfile ]] || die "cannot read the host file $hostfile"

mkdir -p "$run"
journal() {
  printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >>"$run/supervise.log"
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# status KEY: of status.json; empty where it is not there.
status() {
  sed -n -e "s/^ *\"$1\": *\"\(.*\)\",\{0,1\}$/\1/p" -e "s/^ *\"$1\": *\([0-9]*\),\{0,1\}$/\1/p" \
    "$run/status.json" 2>/dev/null | head -n 1 || true
}

# The step of the checkpoint that a restart goes on from; -1: none.
saved_step() {
  local name
  name=$(readlink "$run/checkpoints/latest" 2>/dev/null || true)
  name=${name#step_}
  [[ $name =~ ^[0-9]+$ ]] && printf '%s\n' "$((10#$name))" || printf '%s\n' -1
}

# Sets `command` for the hosts that answer.
command_for_living_hosts() {
  local line host slots ranks=0 living=$run/hosts.living
  : >"$living"
  while read -r line; do
    line=${line%%#*}
    host=${line%%[[:space:]]*}
    [[ -n $host ]] || continue
    slots=1
    [[ $line =~ slots=([0-9]+) ]] && slots=${BASH_REMATCH[1]}
    if ${PHALANX_SSH:-ssh} -o BatchMode=yes -o ConnectTimeout=5 "$host" true </dev/null >/dev/null 2>&1; then
      printf '%s slots=%s\n' "$host" "$slots" >>"$living"
      ranks=$((ranks + slots))
    else
      journal "host $host does not answer: going on without it"
    fi
  done <"$hostfile"
  [[ $ranks -gt 0 ]] || { journal "no host of $hostfile answers"; return 1; }
  command=("${command[@]//'{hostfile}'/$living}")
  command=("${command[@]//'{ranks}'/$ranks}")
}

# once COMMAND...: one start; sets `code` to its exit status.
once() {
  command=("$@")
  code=1
  stops=0
  told_before=$(cat "$run/status.json" 2>/dev/null || true)
  [[ -z $hostfile ]] || command_for_living_hosts || return 0
  journal "start: ${command[*]}"
  if run_until_stopped "${command[@]}"; then code=0; else code=$?; fi
}

failures=0
wait_seconds=$backoff
asked=0
while true; do
  before=$(saved_step)
  once "$@"
  asked=$((asked + stops))
  state=$(status state)
  if [[ $code -eq 0 ]]; then
    journal "end: ${state:-no status.json}, step $(status step)"
    exit 0
  fi
  if [[ $asked -gt 0 ]]; then
    journal "asked to stop; exit status $code, ${state:-no status.json}"
    exit "$code"
  fi
  if [[ $code -eq 2 ]]; then
    journal "exit status 2: bad command line or configuration, which a retry does not mend"
    exit 2
  fi
  after=$(saved_step)
  if [[ $after -gt $before ]]; then
    failures=0
    wait_seconds=$backoff
  fi
  failures=$((failures + 1))
  why=$(status reason)
  # What an earlier start told is no word on this one.
  if [[ $state != failed || $(cat "$run/status.json") == "$told_before" ]]; then
    why="the job was killed, or ended before its first step (status.json: ${state:-none})"
  fi
  journal "failure $failures of $retries: exit status $code at checkpoint step $after: $why"
  if [[ $failures -gt $retries ]]; then
    journal "giving up: $retries retries brought no new checkpoint"
    exit 1
  fi
  journal "again in $wait_seconds s"
  # A signal while waiting means: stop. Nothing is running that could save.
  trap 'journal "asked to stop while waiting"; exit 1' INT TERM HUP USR1
  sleep "$wait_seconds" &
  wait $!
  trap - INT TERM HUP USR1
  wait_seconds=$((wait_seconds * 2 < longest_wait ? wait_seconds * 2 : longest_wait))
done
