#!/usr/bin/env bash
# From a bare Debian machine to a trained language model, in minutes on a CPU: installs what is missing, builds, trains a
# tokenizer and a small GPT or BERT on real English with two tensor-parallel ranks, evaluates it and lets it write, or
# fill in masked words.
#
#   launch/quickstart.sh [gpt|bert] [--text FILE...] [--ranks N] [--steps N] [--output DIR] [--prompt TEXT]
#
#   gpt | bert       the kind of model (default gpt): configs/gpt_tiny.yaml or configs/bert_tiny.yaml
#   --text FILE...   train on these text files, a document per paragraph (default: the King James Bible of Debian's
#                    package bible-kjv, a document per chapter)
#   --ranks N        ranks on this machine (default 2); an even number is split two ways over attention heads, MLPs and
#                    vocabulary, the rest over the batch
#   --steps N        training steps (default: as in the config)
#   --output DIR     run folder (default: runs/gpt_tiny-1, then -2, ...); one that was stopped is continued
#   --prompt TEXT    what GPT continues at the end, or a text with [MASK] for BERT to fill in
#
# Budget: 1 M (GPT) or 1.6 M (BERT) tokens, 2 cores, 3 or 4 minutes of training. ^C saves a checkpoint and ends; a second ^C ends at once.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

vocabulary=4096
validation_fraction=0.05

stage() {
  current_stage=$1
  printf '[%4d s] %s\n' "$SECONDS" "$1"
}

# run COMMAND...: remembered, so that a failure can say how to repeat it.
run() {
  printf -v last_command ' %q' "$@"
  "$@"
}

explain_failure() {
  local status=$?
  [[ -z ${work:-} ]] || rm -rf "$work"
  [[ $status -eq 0 || -z ${current_stage:-} ]] && return
  printf '\nquickstart: failed at the stage "%s" (exit status %s).\n' "$current_stage" "$status" >&2
  [[ -z ${last_command:-} ]] || printf 'It was running, in %s:\n %s\n' "$PWD" "$last_command" >&2
  printf 'The same quickstart command starts again from here: finished stages are not repeated.\n' >&2
}

parse_arguments() {
  kind=gpt texts=() ranks=2 steps='' output='' prompt=''
  while [[ $# -gt 0 ]]; do
    case $1 in
      gpt | bert) kind=$1 ;;
      --text)
        need_value "$1" $#
        while [[ $# -gt 1 && $2 != --* ]]; do
          [[ -r $2 && -f $2 ]] || die "--text: cannot read the file $2"
          texts+=("$(realpath "$2")")
          shift
        done
        [[ ${#texts[@]} -gt 0 ]] || die "--text needs at least one file" ;;
      --ranks) need_value "$1" $#; need_count "$1" "$2"; ranks=$2; shift ;;
      --steps) need_value "$1" $#; need_count "$1" "$2"; steps=$2; shift ;;
      --output) need_value "$1" $#; output=$(realpath -m --relative-base="$workspace" "$2"); shift ;;
      --prompt) need_value "$1" $#; prompt=$2; shift ;;
      -h | --help) usage "$0"; exit 0 ;;
      *) die "unknown argument '$1'; see --help" ;;
    esac
    shift
  done
}

# Sets what the two kinds differ in: `tokenizer` and the end of the data set's name, and the prompt.
choose_kind() {
  if [[ $kind == gpt ]]; then
    tokenizer=bpe suffix='' prompt=${prompt:-And God said}
  else
    tokenizer=wordpiece suffix=-wordpiece prompt=${prompt:-'And God said, Let there be [MASK].'}
    [[ $prompt == *'[MASK]'* ]] || die "--prompt: BERT fills in masked words, and '$prompt' has no [MASK]"
  fi
  config=$root/configs/${kind}_tiny.yaml
}

# Sets `dataset` to the folder of the shards, named after the text.
name_dataset() {
  default_dataset=datasets/kjv$suffix
  dataset=$default_dataset
  [[ ${#texts[@]} -eq 0 ]] || dataset=datasets/text-$(cat "${texts[@]}" | sha256sum | cut -c1-12)$suffix
}

# The text, its tokenizer and its shards appear together, by one rename: an interrupted run leaves no half of them.
make_dataset() {
  if [[ -f $dataset/train/manifest.json && -f $dataset/validation/manifest.json ]]; then
    stage "tokens: $dataset is there already"
    return
  fi
  [[ ! -e $dataset ]] || die "$dataset is not a finished data set; move it away and run this again"
  mkdir -p datasets
  work=$(mktemp -d "datasets/.unfinished-XXXXXX")
  local -a input=("${texts[@]}")
  if [[ ${#texts[@]} -eq 0 ]]; then
    stage "text: the King James Bible, a document per chapter"
    run bible -f 'gen1:1-rev22:21' </dev/null >"$work/verses.txt"
    run awk -f "$root/launch/kjv_chapters.awk" "$work/verses.txt" >"$work/kjv.txt"
    rm "$work/verses.txt"
    input=("$work/kjv.txt")
  fi
  stage "tokenizer: $tokenizer with $vocabulary entries"
  run "$phalanx" tokenizer train --kind "$tokenizer" --vocabulary "$vocabulary" --input "${input[@]}" --output "$work/tokenizer"
  stage "tokens: $dataset/train and $dataset/validation"
  run "$phalanx" data prepare --tokenizer "$work/tokenizer" --input "${input[@]}" --output "$work" \
    --split blank_line --validation-fraction "$validation_fraction"
  chmod 755 "$work"
  mv "$work" "$dataset"
  work=''
}

choose_output() {
  local n=1
  [[ -z $output ]] || return 0
  while [[ -e runs/${kind}_tiny-$n ]]; do n=$((n + 1)); done
  output=runs/${kind}_tiny-$n
}

# What this run changes in the config.
set_overrides() {
  overrides=(--set "run.output=$output" --set "parallel.tensor=$((ranks % 2 == 0 ? 2 : 1))"
    --set metrics.prometheus=127.0.0.1:0)
  if [[ $dataset != "$default_dataset" ]]; then
    overrides+=(--set "data.train=[{path: $dataset/train}]" --set "data.validation=$dataset/validation")
  fi
  [[ -z $steps ]] || overrides+=(--set "training.steps=$steps")
  [[ -z $steps || $steps -ge 250 ]] || overrides+=(--set "schedule.warmup_steps=$(((steps + 4) / 5))")
}

parse_arguments "$@"
choose_kind
trap explain_failure EXIT
cd "$workspace"
name_dataset

stage "libraries"
groups=(build)
[[ ${#texts[@]} -gt 0 || -d $dataset ]] || groups+=(text)
run "$root/launch/setup.sh" "${groups[@]}"

stage "build"
find_phalanx

make_dataset
choose_output
set_overrides
set_mpirun "$ranks"

stage "training: $ranks ranks, into $output"
run run_until_stopped "${mpirun[@]}" "$phalanx" train "$config" "${overrides[@]}"
if [[ $stops -gt 0 ]]; then
  printf '[%4d s] stopped and saved; to go on: launch/quickstart.sh %s with the same options and --output %s\n' \
    "$SECONDS" "$kind" "$output"
  exit 0
fi

stage "evaluation: loss in nats per token, beside the uniform guess and the unigram model"
run "${mpirun[@]}" "$phalanx" evaluate "$config" "${overrides[@]}" --checkpoint "$output"

if [[ $kind == gpt ]]; then
  stage "generation: what the model makes of \"$prompt\""
  run "$phalanx" generate --checkpoint "$output" --prompt "$prompt" --tokens 64 --temperature 0.8 --top-k 40
else
  stage "masked words: what the model puts into \"$prompt\""
  run "$phalanx" fill --checkpoint "$output" --text "$prompt"
fi

stage "done: the run is $output (metrics.jsonl, config.resolved.yaml, checkpoints/)"
