# shellcheck shell=bash disable=SC2154
# Part of tier `services`: Debian's Prometheus beside a job of four ranks, with the configuration, rules and dashboard of
# launch/monitoring. What it said stays in build/services/prometheus.

# watch_job FOLDER: the data of make_services_data lies there.
watch_job() {
  local folder=$1/prometheus promtool='' prometheus='' why=''
  mkdir -p "$folder/targets"
  if ! find_prometheus; then
    record skipped "Prometheus beside a job" "$why"
    return
  fi
  check_rules "$folder"
  scrape_job "$1" "$folder"
}

# Sets `prometheus` and `promtool`, or `why`. Where they are not installed, Debian's package is unpacked under build/:
# installed, it would start a daemon of its own.
find_prometheus() {
  local unpacked=$root/build/services_packages
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    prometheus=prometheus promtool=promtool
    return
  fi
  if [[ ! -x $unpacked/usr/bin/prometheus ]]; then
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get -qq download prometheus && dpkg-deb -x prometheus_*.deb .) >"$unpacked/log" 2>&1 || {
      why="Debian's package prometheus cannot be had, see $unpacked/log"
      return 1
    }
  fi
  prometheus=$unpacked/usr/bin/prometheus promtool=$unpacked/usr/bin/promtool
}

check_rules() {
  local rules=$root/launch/monitoring/alerts.yml tests=$root/tests/monitoring/alerts_test.yml log=$1/rules.log alert
  claim "promtool accepts the alerting rules" "see $log" quietly "$log" "$promtool" check rules "$rules"
  claim "promtool accepts the scrape configuration" "see $log" \
    quietly "$log" "$promtool" check config "$root/launch/monitoring/prometheus.yml"
  claim "alerts fire when they should, and only then" "see $log" quietly "$log" "$promtool" test rules "$tests"
  while read -r alert; do
    grep -q "value: 1, labels: 'ALERTS{alertname=\"$alert\"" "$tests" ||
      record failed "a test makes $alert fire" "none in $tests"
  done < <(sed -n 's/.*- alert: //p' "$rules")
}

quietly() {
  local log=$1
  shift
  "$@" >>"$log" 2>&1
}

# scrape_job DATA FOLDER: starts four ranks and the server, asks it, ends both.
scrape_job() {
  local folder=$2 port job server status=0
  local -a mpirun
  port=$(free_port)
  sed "s/: 15s/: 1s/; s/: 30s/: 1s/; s/localhost:9090/127.0.0.1:$port/" "$root/launch/monitoring/prometheus.yml" \
    >"$folder/prometheus.yml"
  cp "$root/launch/monitoring/alerts.yml" "$folder/"
  ln -s ../run/prometheus_targets.json "$folder/targets/scraped.json"
  set_mpirun 4
  OMP_NUM_THREADS=1 "${mpirun[@]}" "$root/build/release/phalanx" train "$1/config.yaml" --set run.name=scraped \
    --set run.output="$folder/run" --set training.micro_batch=2 --set metrics.per_rank=true >"$folder/job.log" 2>&1 </dev/null &
  job=$!
  "$prometheus" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
    --web.listen-address="127.0.0.1:$port" >"$folder/server.log" 2>&1 </dev/null &
  server=$!
  if until_step 110 "$folder/run/metrics.jsonl"; then
    check_scraped "$folder" "http://127.0.0.1:$port"
  else
    record failed "a job of four ranks to scrape" "see $folder/job.log"
  fi
  kill -s USR1 "$job" 2>/dev/null || true
  wait_for_job "$job" || status=$?
  claim "a job that was scraped ends well" "status $status, see $folder/job.log" [ "$status" -eq 0 ]
  claim "a run that was stopped is no target any more" "up{job=\"phalanx\"} is still there" \
    until_answer "http://127.0.0.1:$port" 'absent(up{job="phalanx"})'
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}

# check_scraped FOLDER URL: series, rules, and every curve of the dashboard.
check_scraped() {
  local expression silent=()
  # shellcheck disable=SC2016  # these are Grafana's variables
  local values='s/\\"/"/g; s/\$run/scraped/; s/\$__rate_interval/30s/'
  claim "Prometheus sees the four ranks of a job" "see $1/server.log" \
    until_answer "$2" 'count(phalanx_rank_step_seconds{run="scraped"}) == 4'
  claim "Prometheus scrapes a server of each rank" "see $1/server.log" \
    until_answer "$2" 'count(up{run="scraped"} == 1) == 4 and on() phalanx_memory_bytes{world_rank="3",arena="weights"}'
  claim "Prometheus sees steps being made" "see $1/server.log" \
    until_answer "$2" 'increase(phalanx_train_step{run="scraped"}[30s]) > 0'
  claim "Prometheus hears of every rank" "see $1/server.log" \
    until_answer "$2" 'count(time() - phalanx_rank_last_seen_timestamp_seconds < 30) == 4'
  claim "Prometheus has loaded the rules, and none fails" "see $1/server.log" \
    until_answer "$2" 'sum(prometheus_rule_group_rules) > 5 and sum(prometheus_rule_evaluation_failures_total) == 0'
  "$root/build/release/phalanx" dashboard --grafana >"$1/dashboard.json" 2>"$1/dashboard.log"
  while read -r expression; do
    until_answer "$2" "$expression" || silent+=("$expression")
  done < <(sed -n 's/^ *"expr": "\(.*\)",$/\1/p' "$1/dashboard.json" |
    sed "$values")
  claim "every curve of the dashboard has data" "none for ${silent[*]}" [ "${#silent[@]}" -eq 0 ]
}

# until_answer URL EXPRESSION: waits up to 15 seconds for it to have a value.
until_answer() {
  for _ in {1..30}; do
    [[ -z $("$promtool" query instant "$1" "$2" 2>/dev/null) ]] || return 0
    sleep 0.5
  done
  return 1
}

free_port() {
  local port
  while true; do
    port=$((20000 + RANDOM % 10000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s\n' "$port"
}
