# shellcheck shell=bash disable=SC2154
# Tier `interop`: exports and imports beside torch and transformers, which come from the Python package index into a
# virtual environment outside the tree. PHALANX_INTEROP_PYTHON names an environment that has them already; nothing is
# installed into it. Without an index all of it counts as one skip.

interop_cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/phalanx/interop

tier_interop() {
  local work=$root/build/interop why='' python=''
  if ! installed build; then
    record skipped interop "libraries are missing, see above"
  elif ! find_interop_python; then
    printf 'interop: %s\n' "$why"
    record skipped interop "$why"
  elif ! build release phalanx; then
    record failed "build of phalanx for interop" "see above"
  else
    run_interop
  fi
}

# Sets `python` to one that has torch and transformers, or `why` to why there is none.
find_interop_python() {
  local environment=${PHALANX_INTEROP_PYTHON:-$interop_cache}
  python=$environment/bin/python
  ! has_packages || return 0
  if [[ -n ${PHALANX_INTEROP_PYTHON:-} ]]; then
    why="PHALANX_INTEROP_PYTHON ($environment) is no virtual environment with torch and transformers"
    return 1
  fi
  make_interop_environment && has_packages && return 0
  why=${why:-"the packages of $environment cannot be imported"}
  return 1
}

has_packages() { [[ -x $python ]] && "$python" -c 'import torch, transformers' 2>/dev/null; }

make_interop_environment() {
  local log=$root/build/interop_setup.log
  mkdir -p "$root/build" "$interop_cache"
  printf 'interop: installing torch and transformers into %s\n' "$interop_cache"
  if ! python3 -m venv "$interop_cache" >"$log" 2>&1; then
    why="python3 -m venv does not work here, see $log (Debian: python3-venv)"
  elif ! "$python" -m pip install --quiet --disable-pip-version-check -r "$root/tests/interop/requirements.txt" \
      >>"$log" 2>&1; then
    why="torch and transformers cannot be installed from the Python package index, see $log"
  else
    return 0
  fi
  return 1
}

# Each line that run.py prints is one case.
run_interop() {
  local log=$root/build/interop.log verdict name detail cases=0 status=0
  "$python" "$root/tests/interop/run.py" --phalanx "$root/build/release/phalanx" --work "$work" >"$log" 2>"$log.err" ||
    status=$?
  while IFS=$'\t' read -r verdict name detail; do
    [[ $verdict == passed || $verdict == failed || $verdict == skipped ]] || continue
    record "$verdict" "$name" "$detail"
    cases=$((cases + 1))
    [[ $verdict != passed || -z $detail ]] || printf '%s: %s\n' "$name" "$detail"
  done <"$log"
  if [[ $status -ne 0 || $cases -eq 0 ]]; then
    tail -n 20 "$log.err" >&2
    record failed "interop runs to its end" "exit status $status after $cases cases, see $log.err"
  fi
}
