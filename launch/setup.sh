#!/usr/bin/env bash
# Installs what Phalanx needs from Debian's packages. Does nothing when all of it is there; asks nothing.
#
#   launch/setup.sh [--list] [GROUP...]     groups: build, run, hosts, text, lint, services, cluster (default: build text)
#
#   --list   only prints the packages of the groups
#
# Needs root, or sudo without a password; else prints the one line that somebody with root has to run, and exits 2.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

declare -A packages=(
  [build]="g++ cmake ninja-build pkg-config git libopenmpi-dev openmpi-bin libhdf5-dev libyaml-cpp-dev
    prometheus-cpp-dev libcivetweb-dev libdnnl-dev ocl-icd-opencl-dev libcli11-dev libspdlog-dev libfmt-dev
    nlohmann-json3-dev libcairo2-dev libicu-dev libzstd-dev zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev"
  [run]="openmpi-bin libopenmpi3 libhdf5-103-1 libyaml-cpp0.7 libprometheus-cpp-core1.0 libcivetweb1 libdnnl2
    libspdlog1.10 libfmt9 libcairo2 libicu72 libzstd1 zlib1g libgomp1 libstdc++6 libgcc-s1 libc6"
  [hosts]="openssh-client openssh-server"
  [text]="bible-kjv"
  [lint]="clang-format clang-tidy shellcheck"
  [services]="chromium fonts-dejavu-core procps"
  [cluster]="iproute2 openssh-client openssh-server munge slurmctld slurmd slurm-client"
)

libraries='g++ 12 or newer, CMake 3.25, Ninja, pkg-config, Open MPI 4, HDF5 1.10 (C), yaml-cpp, prometheus-cpp, civetweb
(with its C++ API), oneDNN 2.6 or newer with an OpenCL loader, CLI11, spdlog, fmt, nlohmann-json, Cairo, ICU, zstd, zlib;
for tests GoogleTest and Google Benchmark; for the quickstart any English text (--text FILE)'

is_debian() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null &&
    grep -Eq '^ID(_LIKE)?=.*debian' /etc/os-release 2>/dev/null
}

# missing_of PACKAGE...: those that are not installed.
missing_of() {
  local installed package
  installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk '$2 == "installed" {printf "%s ", $1}' || true)"
  for package in "$@"; do [[ $installed == *" $package "* ]] || printf '%s\n' "$package"; done
}

# as_root COMMAND...
as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

install_missing() {
  local log
  log=$(mktemp)
  printf 'setup: installing %s\n' "$*"
  if ! { apt update && apt install --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    printf 'setup: apt-get failed; the whole log: %s\n' "$log" >&2
    return 1
  fi
  rm -f "$log"
  printf 'setup: installed, %s s\n' "$SECONDS"
}

groups=()
only_list=0
for argument in "$@"; do
  case $argument in
    -h | --help) usage "$0"; exit 0 ;;
    --list) only_list=1 ;;
    *) [[ -n ${packages[$argument]:-} ]] || die "unknown group '$argument'; there are ${!packages[*]}"
      groups+=("$argument") ;;
  esac
done
[[ ${#groups[@]} -gt 0 ]] || groups=(build text)

wanted=()
for group in "${groups[@]}"; do
  read -ra names <<<"${packages[$group]//$'\n'/ }"
  wanted+=("${names[@]}")
done
if [[ $only_list -eq 1 ]]; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi

if [[ $PHALANX_SETUP == never ]]; then
  printf 'setup: PHALANX_SETUP=never: nothing checked, nothing installed\n'
  exit 0
fi
if ! is_debian; then
  printf 'setup: this is no Debian system, so nothing was installed. Phalanx needs:\n%s.\n' "$libraries" >&2
  printf 'With these in place, PHALANX_SETUP=never makes the scripts go on.\n' >&2
  exit 2
fi

mapfile -t missing < <(missing_of "${wanted[@]}")
if [[ ${#missing[@]} -eq 0 ]]; then
  printf 'setup: %s: everything is installed\n' "${groups[*]}"
elif [[ $(id -u) -eq 0 ]] || sudo -n true 2>/dev/null; then
  install_missing "${missing[@]}"
else
  printf 'setup: packages are missing, and installing them needs root. Run:\n' >&2
  printf '  apt-get update && apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
  exit 2
fi
