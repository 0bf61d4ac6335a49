# shellcheck shell=bash disable=SC2154
# Tier `quickstart`: the main job end to end, with few steps: it must learn more than to guess uniformly.

tier_quickstart() {
  local output=build/quickstart_run
  rm -rf "$output"
  if ! installed build text; then
    record skipped quickstart "libraries or the text are missing, see above"
  elif ! launch/quickstart.sh --steps 30 --output "$output"; then
    record failed "quickstart runs to its end" "see above"
  else
    record passed "quickstart runs to its end"
    check_learned "$output"
  fi
}

# check_learned RUN: the validation loss of its last checkpoint lies below the uniform guess.
check_learned() {
  local name="30 steps beat the uniform guess" report loss uniform
  if ! report=$(build/release/phalanx evaluate "$root/configs/gpt_tiny.yaml" --checkpoint "$1" --json </dev/null); then
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
