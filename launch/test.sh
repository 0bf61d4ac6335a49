#!/usr/bin/env bash
# Builds Phalanx and tests it. The last line is always 'N passed, N failed, N skipped'; what failed or was skipped, and
# why, stands above it. Exit status 0 only when nothing failed.
#
#   launch/test.sh [--tests] [--quickstart] [--services] [--lint] [--asan] [--interop] [--container]
#
#   without an argument: --tests
#
#   --tests        unit tests, and tests under mpirun with 1, 2 and 4 ranks; counted case by case
#   --quickstart   the quickstarts of GPT and BERT with few steps, end to end
#   --services     jobs beside real programs of others: a browser on the live page, Prometheus, two hosts,
#                  Slurm (these two as root)
#   --lint         formatter, clang-tidy, shellcheck, and the rules of the tree that a machine can check
#   --asan         the tests again under AddressSanitizer and UndefinedBehaviorSanitizer
#   --container    the steps of the Dockerfile in a bare Debian that debootstrap makes
#   --interop      exports and imports beside torch and transformers, which it installs outside the tree
#
# Tests that need files from elsewhere (GPT-2's and BERT's vocabularies) look in the folder PHALANX_TEST_DATA.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for file in "$root"/launch/tiers/*.sh; do
  # shellcheck source=/dev/null
  source "$file"
done

passed=0
failures=()
skips=()

# record passed|failed|skipped NAME [WHY]
record() {
  case $1 in
    passed) passed=$((passed + 1)) ;;
    failed) failures+=("$2${3:+: $3}") ;;
    skipped) skips+=("$2${3:+: $3}") ;;
  esac
}

# installed GROUP...: false, with a line that says what is missing, where it cannot be installed.
installed() { "$root/launch/setup.sh" "$@"; }

run_tier() {
  local begin=$SECONDS
  printf '== %s\n' "$1"
  "tier_$1"
  awk -v s="$((SECONDS - begin))" -v tier="$1" 'BEGIN {printf "== %s: %.1f minutes\n", tier, s / 60}'
}

tiers=()
for argument in "$@"; do
  case $argument in
    --tests | --quickstart | --services | --lint | --asan | --interop | --container) tiers+=("${argument#--}") ;;
    -h | --help) usage "$0"; exit 0 ;;
    *) die "unknown argument '$argument'; see --help" ;;
  esac
done
[[ ${#tiers[@]} -gt 0 ]] || tiers=(tests)

cd "$root"
for tier in "${tiers[@]}"; do run_tier "$tier"; done

for name in "${skips[@]}"; do printf 'skipped: %s\n' "$name"; done
for name in "${failures[@]}"; do printf 'FAILED: %s\n' "$name"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "${#failures[@]}" "${#skips[@]}"
[[ ${#failures[@]} -eq 0 ]]
