# shellcheck shell=bash disable=SC2154
# Tier `tests`: everything is built as it is used, then run through CTest.

tier_tests() { build_and_ctest release; }

# build_and_ctest PRESET
build_and_ctest() {
  if ! installed build; then
    record skipped "$1 tests" "libraries are missing, see above"
  elif ! build "$1"; then
    record failed "build of preset $1" "see above"
  else
    run_ctest "$1"
  fi
}

# run_ctest PRESET: the unit and mpi tests of a build, counted into the tally by case.
run_ctest() {
  local folder=$root/build/$1 verdict name why before status=0
  local -a options=(--test-dir "$folder" -L '^(unit|mpi)$' -j "$jobs" --no-tests=error
    --output-junit "$folder/junit.xml" --test-output-size-passed 10000000 --test-output-size-failed 10000000)
  rm -f "$folder/junit.xml"
  export GTEST_COLOR=no  # mpirun gives its ranks a terminal
  if [[ -t 1 ]]; then
    ctest "${options[@]}" --progress || status=$?
  else
    ctest "${options[@]}" >"$folder/ctest.log" 2>&1 || status=$?
  fi
  before=${#failures[@]}
  if [[ -f $folder/junit.xml ]]; then
    while IFS=$'\t' read -r verdict name why; do
      record "$verdict" "$name" "$why"
    done < <(awk -f "$root/launch/tiers/junit.awk" "$folder/junit.xml")
  fi
  if [[ ${#failures[@]} -gt $before ]]; then
    awk -v show=failed -f "$root/launch/tiers/junit.awk" "$folder/junit.xml"
  elif [[ $status -ne 0 ]]; then
    record failed "ctest of preset $1" "exit status $status, see $folder/ctest.log"
  fi
}
