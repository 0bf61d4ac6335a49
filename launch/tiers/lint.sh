# shellcheck shell=bash disable=SC2154
# Tier `lint`: each check is one test. Looks at the files that git knows.

max_lines=500
gcc_only=(parallel/combine.cpp)  # half precision and processor levels that clang 14 does not know

tier_lint() {
  if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    record skipped lint "this is no git checkout, so which files are the project's is not known"
    return
  fi
  check lint_length
  check lint_marks
  check lint_launches
  if installed lint; then
    check lint_format
    check lint_shell
    check lint_tidy
  else
    record skipped "clang-format, clang-tidy, shellcheck" "not installed, see above"
  fi
}

# check FUNCTION: passes when the function prints nothing and succeeds.
check() {
  local output status=0 begin=$SECONDS
  output=$("$1" 2>&1) || status=$?
  if [[ $status -eq 0 && -z $output ]]; then
    record passed "$1"
  else
    printf '%s\n' "$output"
    record failed "$1" "see above"
  fi
  printf '%s: %s s\n' "$1" "$((SECONDS - begin))"
}

sources() { git ls-files -- '*.h' '*.cpp' '*.cu' '*.cuh'; }

lint_length() {
  sources | xargs -r wc -l |
    awk -v max="$max_lines" '$2 != "total" && $1 > max {print $2 ": " $1 " lines; split it by idea (limit " max ")"}'
}

lint_marks() { found '\b(TODO|FIXME|XXX|HACK)\b'; }

lint_launches() { found '<<<' | grep -v '^model/ops/cuda/launch\.cuh:' || true; }

# found PATTERN: where the sources match it.
found() { sources | xargs -r grep -nE "$1" /dev/null || true; }

lint_format() { sources | xargs -r -P "$jobs" -n 32 clang-format --dry-run -Werror; }

lint_shell() { git ls-files -- '*.sh' '*.sbatch' .ci/run | xargs -r shellcheck -x -P "$root"; }

# clang-tidy over every source that this build compiles. It prints counts of suppressed warnings even when all is well,
# so only its exit status speaks.
lint_tidy() {
  local log=$root/build/release/tidy.log
  mkdir -p "$(dirname "$log")"
  # A source includes what the build generates.
  { installed build && configure release && cmake --build build/release --target phalanx_build_info; } >"$log" 2>&1 ||
    { cat "$log"; return 1; }
  # GCC's target pragmas of the CPU ops are unknown to clang, which reads their portable half.
  if ! git ls-files -- '*.cpp' | compiled_here |
      xargs -r -P "$jobs" -n 1 clang-tidy --quiet -p build/release --extra-arg=-Wno-unknown-pragmas \
        >"$log" 2>/dev/null; then
    cat "$log"
    return 1
  fi
}

# Of the files on standard input, those in the compile commands that clang can read.
compiled_here() {
  local file
  while read -r file; do
    [[ " ${gcc_only[*]} " == *" $file "* ]] ||
      ! grep -qF "\"file\": \"$root/$file\"" build/release/compile_commands.json || printf '%s\n' "$file"
  done
}
