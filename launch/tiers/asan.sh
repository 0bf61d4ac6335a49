# shellcheck shell=bash disable=SC2154
# Tier `asan`: the tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer. What Open MPI and its
# helpers leave unfreed at exit is named in lsan.supp; leaks of ours are not.

tier_asan() {
  ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
    UBSAN_OPTIONS=print_stacktrace=1 \
    LSAN_OPTIONS=suppressions=$root/launch/tiers/lsan.supp:print_suppressions=0 \
    build_and_ctest asan
}
