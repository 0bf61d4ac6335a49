# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share: where things are, what is said, how phalanx is built, how ranks are started and
# stopped. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=launch/env.sh
source "$root/launch/env.sh"

# An installed tree (share/phalanx) has no sources: data sets and runs then go to the caller's folder.
if [[ -f $root/CMakeLists.txt ]]; then workspace=$root; else workspace=$PWD; fi

# What the caller named by a relative path is meant from the caller's folder, wherever a script goes later.
[[ -z $PHALANX_BINARY ]] || PHALANX_BINARY=$(realpath -ms -- "$PHALANX_BINARY")

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# usage FILE: prints the comment block at the top of a script.
usage() { sed -n '2,/^[^#]/{/^#/!q; s/^# \{0,1\}//; p}' "$1"; }

# need_value OPTION COUNT: an option that came without its value ends the script.
need_value() { [[ $2 -ge 2 ]] || die "$1 needs a value"; }

# need_count OPTION VALUE: a whole number from 1.
need_count() { [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 takes a whole number from 1, not '$2'"; }

# One job per core, but 1.5 GiB of memory for each.
jobs_for_this_machine() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo 2>/dev/null || true)
  [[ -n $memory && $memory -lt $cores ]] && cores=$memory
  printf '%s\n' "$((cores > 0 ? cores : 1))"
}

# build PRESET TARGET...: configures when that was never done, then builds what is not up to date. On a terminal ninja
# shows its progress; else everything goes to a log, of which a failure shows the end.
build() {
  local preset=$1 log=$root/build/$1/build.log
  local -a targets=()
  shift
  [[ $# -eq 0 ]] || targets=(--target "$@")
  mkdir -p "$root/build/$preset"
  if [[ -t 1 ]]; then
    configure "$preset" && (cd "$root" && cmake --build --preset "$preset" -j "$jobs" "${targets[@]}")
  elif ! { configure "$preset" && (cd "$root" && cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"); } \
      >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    printf 'The whole log: %s\n' "$log" >&2
    return 1
  fi
}

configure() {
  [[ -f $root/build/$1/build.ninja ]] || (cd "$root" && cmake --preset "$1")
}

# find_phalanx: sets `phalanx` to the program, built first unless it is installed.
find_phalanx() {
  if [[ -n $PHALANX_BINARY ]]; then
    phalanx=$PHALANX_BINARY
  elif [[ -f $root/CMakeLists.txt ]]; then
    build release phalanx || return
    phalanx=$root/build/release/phalanx
  else
    phalanx=$(command -v phalanx) || die "no phalanx in PATH; name it with PHALANX_BINARY"
  fi
  [[ -x $phalanx ]] || die "$phalanx is not a program"
}

# Open MPI counts one slot per core, not per hardware thread, and refuses more ranks than slots.
slots_of_this_machine() {
  local cores
  cores=$(lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l)
  [[ $cores -ge 1 && $cores -lt $(nproc) ]] || cores=$(nproc)
  printf '%s\n' "$cores"
}

# set_mpirun RANKS: sets `mpirun` to the command that starts them here. Binding is left to the system: by default Open
# MPI would bind each of one or two ranks to a single core.
set_mpirun() {
  local -a site
  read -ra site <<<"$PHALANX_MPIRUN_ARGS"
  mpirun=("$PHALANX_MPIRUN" --quiet --bind-to none -np "$1")
  [[ $(id -u) -ne 0 ]] || mpirun+=(--allow-run-as-root)
  [[ $1 -le $(slots_of_this_machine) ]] || mpirun+=(--oversubscribe)
  mpirun+=("${site[@]}")
}

# run_until_stopped COMMAND...: runs an mpirun in a session of its own, so that a terminal's ^C reaches only this script.
# The first INT, TERM, HUP or USR1 becomes USR1: finish the step, save, exit 0 (mpirun by itself would kill its ranks after
# two seconds). Later ones are passed on as they are. Sets `stops` to how many came.
run_until_stopped() {
  local status seen
  stops=0
  setsid "$@" </dev/null &
  ranks_pid=$!
  trap 'pass_stop INT' INT
  trap 'pass_stop TERM' TERM
  trap 'pass_stop HUP' HUP
  trap 'pass_stop USR1' USR1
  while true; do
    seen=$stops
    if wait "$ranks_pid"; then status=0; else status=$?; fi
    [[ $stops -ne $seen ]] || break  # else a signal ended the wait, not the command
  done
  trap - INT TERM HUP USR1
  return "$status"
}

pass_stop() {
  local signal=$1
  stops=$((stops + 1))
  if [[ $stops -eq 1 ]]; then
    signal=USR1
    printf '\n%s: stopping after this step; once more to stop at once\n' "${0##*/}" >&2
  fi
  kill -s "$signal" "$ranks_pid" 2>/dev/null || true
}

jobs=${PHALANX_JOBS:-$(jobs_for_this_machine)}
