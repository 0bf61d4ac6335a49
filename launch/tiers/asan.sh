# shellcheck shell=bash disable=SC2154
# Tier `asan`: the tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer. What Open MPI and its
# helpers leave unfreed at exit is named in lsan.supp; leaks of ours are not.

# Open MPI unloads its plugins before leaks are looked for, and a leak of an unloaded one has no name to tell it from
# ours: in this tier nothing is unloaded.
keep_plugins() {
  mkdir -p "$root/build/asan"
  printf 'int dlclose(void *handle) { (void)handle; return 0; }\n' |
    "${CC:-cc}" -shared -fPIC -x c -o "$root/build/asan/keep_plugins.so" -
}

# Use after return is not looked for: GCC's frames for it are not aligned for AVX-512 (GCC bug 110027).
# Thread-local memory of plugins is not followed: LeakSanitizer can crash on it while a process ends.
tier_asan() {
  if ! installed build || ! keep_plugins; then
    record skipped "asan tests" "libraries are missing, see above"
    return
  fi
  ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0:verify_asan_link_order=0:intercept_tls_get_addr=0 \
    UBSAN_OPTIONS=print_stacktrace=1 \
    LSAN_OPTIONS=suppressions=$root/launch/tiers/lsan.supp:print_suppressions=0 \
    LD_PRELOAD=$root/build/asan/keep_plugins.so \
    build_and_ctest asan
}
