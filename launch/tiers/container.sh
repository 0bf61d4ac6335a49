# shellcheck shell=bash disable=SC2154
# Tier `container`: the steps of the Dockerfile, read from it, in a bare Debian 12 that debootstrap makes; then what its last
# stage holds trains a model. Needs root, debootstrap and the network. Stays in build/container.

tier_container() {
  local folder=$root/build/container log=$root/build/container/log
  if [[ $(id -u) -ne 0 ]] || ! command -v debootstrap >/dev/null; then
    record skipped "the steps of the Dockerfile" "that needs root and debootstrap"
    return
  fi
  [[ ! -e $folder ]] || rm -rf --one-file-system "$folder"
  mkdir -p "$folder"
  if ! debootstrap --variant=minbase bookworm "$folder/base" >"$log" 2>&1; then
    record failed "a bare Debian 12" "see $log"
  elif ! dockerfile_steps >"$folder/steps" || ! take_steps "$folder" <"$folder/steps"; then
    record failed "every step of the Dockerfile succeeds" "see $log"
  else
    record passed "every step of the Dockerfile succeeds"
    check_image "$folder"
  fi
}

# The instructions of the Dockerfile, one a line.
dockerfile_steps() { sed -e ':a' -e '/\\$/{N; s/\\\n//; ba' -e '}' Dockerfile | grep -Ev '^(#|$)'; }

# take_steps FOLDER: instructions on standard input. A stage is a folder; sets `stage` to the last.
take_steps() {
  local folder=$1 log=$1/log instruction rest words
  local -A stages=()
  stage='' directory=/ variables=()
  while read -r instruction rest <&3; do
    printf '== %s %s\n' "$instruction" "$rest" | tee -a "$log"
    case $instruction in
      FROM)
        [[ $rest == 'debian:12'* ]] || die "the Dockerfile has a stage from $rest"
        stage=$folder/stage${#stages[@]} directory=/ variables=()
        stages[${rest##* AS }]=$stage
        cp -a "$folder/base" "$stage"
        cp -L /etc/resolv.conf "$stage/etc/" ;;
      WORKDIR) directory=$rest && mkdir -p "$stage$rest" ;;
      ENV) read -ra words <<<"$rest" && variables+=("${words[@]}") ;;
      RUN) inside "$stage" sh -c "$rest" >>"$log" 2>&1 || return ;;
      COPY) copy_into "$rest" || return ;;
      CMD) ;;
      *) die "the Dockerfile has an instruction that this test does not know: $instruction" ;;
    esac
  done 3<&0
}

# copy_into ARGUMENTS of COPY: '[--from=STAGE] SOURCE TARGET'. Of the sources, the files that git would keep.
copy_into() {
  local words target
  read -ra words <<<"$1"
  target=$(placed "${words[-1]}")
  mkdir -p "$target"
  if [[ ${words[0]} == --from=* ]]; then
    cp -a "${stages[${words[0]#--from=}]}${words[1]}/." "$target"
  else
    (cd "${words[0]}" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T -) | tar -x -C "$target"
  fi
}

# placed PATH: where a path of the stage is on this machine.
placed() { if [[ $1 == /* ]]; then printf '%s%s\n' "$stage" "$1"; else printf '%s%s/%s\n' "$stage" "$directory" "$1"; fi; }

# inside STAGE COMMAND...: in the working directory and environment of the stage, with /proc and /dev while it runs.
inside() {
  local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  # shellcheck disable=SC2016  # for the inner shell
  env -i PATH=$path HOME=/root "${variables[@]}" unshare --mount --fork sh -c 'stage=$1 directory=$2 && shift 2 &&
    for folder in proc sys dev; do mount --rbind /$folder "$stage/$folder" || exit; done &&
    exec chroot "$stage" env -C "$directory" "$@"' inside "$1" "$directory" "${@:2}" </dev/null
}

# check_image FOLDER: the last stage stands on its own.
check_image() {
  local log=$1/image.log
  claim "the image's program runs" "see $log" quietly "$log" inside "$stage" phalanx --version
  cp docs/architecture.md "$(placed text)"
  train_a_little >"$(placed train.sh)"
  claim "the image trains a model with two ranks" "see $log" quietly "$log" inside "$stage" sh train.sh
  claim "the image has no host keys of its own" "see $stage/etc/ssh" [ -z "$(ls "$stage"/etc/ssh/ssh_host_* 2>/dev/null)" ]
}

train_a_little() {
  cat <<'END'
set -e
share=/usr/local/share/phalanx
phalanx tokenizer train --vocabulary 300 --input text --output tokenizer
phalanx data prepare --tokenizer tokenizer --input text --output data --split blank_line --validation-fraction 0.1
$share/launch/run_local.sh $share/configs/gpt_tiny.yaml --ranks 2 --set run.output=run --set model.context=32 \
  --set 'data.train=[{path: data/train}]' --set data.validation=data/validation \
  --set training.steps=3 --set schedule.warmup_steps=1 --set metrics.prometheus=127.0.0.1:0
END
}
