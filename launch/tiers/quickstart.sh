# shellcheck shell=bash disable=SC2154
# Tier `quickstart`: the main jobs end to end, with few steps: each must learn more than to guess uniformly.

tier_quickstart() {
  if ! installed build text; then
    record skipped quickstart "libraries or the text are missing, see above"
    return
  fi
  try_quickstart gpt
  try_quickstart bert
}

# try_quickstart KIND
try_quickstart() {
  local output=build/quickstart_$1
  rm -rf "$output"
  if launch/quickstart.sh "$1" --steps 30 --output "$output"; then
    record passed "quickstart $1 runs to its end"
    check_learned "$1" "$output"
  else
    record failed "quickstart $1 runs to its end" "see above"
  fi
}

# check_learned KIND RUN: the validation loss of its last checkpoint lies below the uniform guess.
check_learned() {
  local name="30 steps of $1 beat the uniform guess" report loss uniform
  if ! report=$(build/release/phalanx evaluate "$root/configs/$1_tiny.yaml" --checkpoint "$2" --json </dev/null); then
    record failed "$name" "evaluate failed"
    return
  fi
  loss=$(json_number loss "$report")
  uniform=$(json_number uniform_loss "$report")
  if awk -v loss="$loss" -v uniform="$uniform" 'BEGIN {exit !(loss > 0 && loss < uniform - 0.5)}'; then
    record passed "$name"
  else
    record failed "$name" "validation loss '$loss', uniform guess '$uniform'"
  fi
}

# json_number KEY JSON: the number of a top-level key.
json_number() { grep -oE "\"$1\": *-?[0-9][0-9.eE+-]*" <<<"$2" | head -n 1 | sed 's/.*: *//' || true; }
