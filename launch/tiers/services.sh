# shellcheck shell=bash disable=SC2154
# Tier `services`: jobs beside real programs of others. Here a job of two ranks and a browser on its live page: what the
# browser saw stays in build/services: page.html, light.png, dark.png, and phone_light.png, phone_dark.png at the
# width of a phone. The rest is in services_prometheus.sh, services_hosts.sh, services_slurm.sh.

tier_services() {
  local folder=$root/build/services
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! installed build services; then
    record skipped "a job beside programs of others" "browser or libraries are missing, see above"
  elif ! build release phalanx || ! make_services_data "$folder" >"$folder/data.log" 2>&1; then
    record failed "data for a job beside programs of others" "see $folder/data.log"
  else
    browse_job "$folder"
    watch_job "$folder"
    hosts_job "$folder"
    slurm_job "$folder"
  fi
}

# make_services_data FOLDER: a small text, its tokenizer and shards, and a configuration that trains on them for long.
make_services_data() {
  local phalanx=$root/build/release/phalanx
  awk 'BEGIN {for (i = 0; i < 3000; ++i) printf "%d%s", i * 7919 % 1000, i % 50 == 49 ? "\n\n" : " "}' >"$1/text.txt"
  "$phalanx" tokenizer train --vocabulary 270 --input "$1/text.txt" --output "$1/tokenizer" &&
    "$phalanx" data prepare --split blank_line --validation-fraction 0.1 --tokenizer "$1/tokenizer" \
      --input "$1/text.txt" --output "$1/data" || return
  cat >"$1/config.yaml" <<END
run: {name: browsed, output: $1/run, digest_every: 50}
model: {layers: 2, hidden: 64, heads: 2, ffn: 256, context: 64}
data: {train: [{path: $1/data/train}], validation: $1/data/validation}
training: {steps: 20000, global_batch: 8, micro_batch: 4}
evaluation: {every: 40, samples: 8}
checkpoint: {every: 100, keep: 1, asynchronous: false}
metrics: {prometheus: "127.0.0.1:0", console_every: 0}
END
}

# browse_job FOLDER: starts the job, slows its second rank, opens the page, ends the job, looks at what was seen.
browse_job() {
  local folder=$1 job rank slow url status=0
  local -a mpirun
  set_mpirun 2
  OMP_NUM_THREADS=1 "${mpirun[@]}" "$root/build/release/phalanx" train "$folder/config.yaml" \
    >"$folder/job.log" 2>&1 </dev/null &
  job=$!
  if ! until_step 120 "$folder/run/metrics.jsonl"; then
    kill "$job" 2>/dev/null || true
    record failed "a job to look at" "see $folder/job.log"
    return
  fi
  rank=$(rank_of_job "$job" 1) || true
  slow_down "$rank" &
  slow=$!
  url=$(grep -oE 'http://127.0.0.1:[0-9]+/' "$folder/job.log" | head -n 1) || true
  look_at "$url" "$folder"
  kill "$slow" 2>/dev/null || true
  wait "$slow" 2>/dev/null || true
  kill -s CONT "$rank" 2>/dev/null || true
  kill -s USR1 "$job" 2>/dev/null || true
  wait_for_job "$job" || status=$?
  check_seen "$folder" "$status"
}

# wait_for_job MPIRUN: its status; it has two minutes to end.
wait_for_job() {
  local guard status=0
  { sleep 120; kill -s KILL "$1"; } 2>/dev/null &
  guard=$!
  wait "$1" || status=$?
  kill "$guard" 2>/dev/null || true
  return "$status"
}

# until_step STEP FILE: false when that takes more than two minutes.
until_step() {
  for _ in {1..1200}; do
    [[ -f $2 ]] && grep -q "\"step\":$1," "$2" && return
    sleep 0.1
  done
  return 1
}

# rank_of_job MPIRUN RANK: the process that runs it.
rank_of_job() {
  local process
  for process in $(pgrep -P "$1"); do
    tr '\0' '\n' <"/proc/$process/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$2" && printf '%s\n' "$process" && return
  done
}

# slow_down PROCESS: lets it run a fifth of the time, until this is ended.
slow_down() {
  while kill -s STOP "$1" 2>/dev/null; do
    sleep 0.08
    kill -s CONT "$1" 2>/dev/null || return
    sleep 0.02
  done
}

# look_at URL FOLDER: the page as the browser has it after four seconds, and pictures of it. A phone is 390 pixels wide.
look_at() {
  for _ in {1..5}; do  # it takes some steps until the slow rank shows
    browse "$2" --dump-dom "$1" >"$2/page.html"
    ! grep -q 'straggler: rank 1 takes' "$2/page.html" || break
  done
  browse "$2" --window-size=1280,1500 --screenshot="$2/light.png" "$1"
  browse "$2" --window-size=1280,1500 --screenshot="$2/dark.png" --force-dark-mode "$1"
  browse "$2" --window-size=390,3000 --screenshot="$2/phone_light.png" "$1"
  browse "$2" --window-size=390,3000 --screenshot="$2/phone_dark.png" --force-dark-mode "$1"
}

browse() {
  local folder=$1
  shift
  timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$folder/browser" \
    --virtual-time-budget=4000 "$@" 2>>"$folder/browser.log" || true
}

# check_seen FOLDER STATUS: the page shows the record's numbers, its curves and the slow rank; the job ended well.
check_seen() {
  local page=$1/page.html loss curves picture
  loss=$(grep -oE '<dt>loss</dt><dd title="[^"]+"' "$page" | head -n 1 | sed 's/.*title="//; s/"$//' || true)
  claim "the page shows the exact loss of a step in metrics.jsonl" \
    "loss '$loss' is not in $1/run/metrics.jsonl" grep -qF "\"loss\":${loss:-none}," "$1/run/metrics.jsonl"
  curves=$(grep -o '<polyline' "$page" | wc -l || true)
  claim "the page draws its curves" "$curves curves in $page" [ "$curves" -ge 6 ]
  claim "the page names the slow rank" "no straggler in $page" grep -q 'straggler: rank 1 takes' "$page"
  claim "the page marks evaluations and checkpoints" "see $page" grep -q 'checkpoint at 100, written in' "$page"
  for picture in light dark phone_light phone_dark; do
    claim "a picture of the page, $picture" "see $1/browser.log" [ "$(stat -c %s "$1/$picture.png" 2>/dev/null || echo 0)" -gt 30000 ]
  done
  claim "a job that was looked at ends well" "status $2, see $1/job.log" [ "$2" -eq 0 ]
}

# claim NAME WHY COMMAND...: a test that passes when the command succeeds.
claim() {
  local name=$1 why=$2
  shift 2
  if "$@"; then record passed "$name"; else record failed "$name" "$why"; fi
}
