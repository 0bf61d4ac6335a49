#!/usr/bin/env bash
# Trains a configuration on this machine.
#
#   launch/run_local.sh CONFIG [--ranks N] [any option of phalanx train]
#
#   --ranks N   default: one, which uses all cores
#
# ^C saves a checkpoint and ends; the same command goes on from it.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  '') usage "$0" >&2; exit 2 ;;
  -h | --help) usage "$0"; exit 0 ;;
esac
config=$1
shift
[[ -r $config ]] || die "cannot read the configuration $config"

ranks=1
options=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --ranks) need_value "$1" $#; need_count "$1" "$2"; ranks=$2; shift ;;
    *) options+=("$1") ;;
  esac
  shift
done

find_phalanx
set_mpirun "$ranks"
run_until_stopped "${mpirun[@]}" "$phalanx" train "$config" "${options[@]}"
