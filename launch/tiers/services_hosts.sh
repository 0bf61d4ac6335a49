# shellcheck shell=bash disable=SC2154
# Part of tier `services`: two hosts, alpha and beta, on one machine: network namespaces with a name and an sshd each. A job
# runs over both; then beta dies, and supervise.sh goes on with alpha. What was said stays in build/services/hosts.

# hosts_job FOLDER: the data of make_services_data lies there.
hosts_job() {
  local folder=$1/hosts why=''
  mkdir -p "$folder"
  if ! make_hosts "$folder" >"$folder/network.log" 2>&1; then
    remove_hosts
    if [[ -n $why ]]; then record skipped "a job over two hosts" "$why"; else record failed "two hosts" "see $folder/network.log"; fi
    return
  fi
  check_hosts "$1" "$folder"
  stop_rank "$1" "$folder"
  lose_host "$1" "$folder"
  remove_hosts
}

# Two namespaces with a wire between them. Sets `why` where that cannot be.
make_hosts() {
  local folder=$1 host
  if [[ $(id -u) -ne 0 ]]; then why="network namespaces need root"; return 1; fi
  if ! cluster_installed; then why="ssh and iproute2 are missing: launch/setup.sh cluster"; return 1; fi
  remove_hosts
  if ! ip netns add alpha || ! ip netns add beta; then why="this machine allows no network namespaces"; return 1; fi
  ip link add wire netns alpha type veth peer name wire netns beta || return
  printf '127.0.0.1 localhost\n10.77.0.1 alpha\n10.77.0.2 beta\n' >"$folder/hosts"
  ssh-keygen -q -t ed25519 -N '' -f "$folder/key" && ssh-keygen -q -t ed25519 -N '' -f "$folder/host_key" || return
  printf '#!/bin/sh\nexec ssh -p 2222 -i "%s" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n' \
    "$folder/key" >"$folder/ssh"
  chmod 755 "$folder/ssh"
  mkdir -p /run/sshd
  for host in alpha beta; do start_host "$folder" $host || return; done
}

start_host() {
  local address=10.77.0.1
  [[ $2 == alpha ]] || address=10.77.0.2
  ip -n "$2" link set lo up && ip -n "$2" address add $address/24 dev wire && ip -n "$2" link set wire up || return
  on_host "$1" "$2" /usr/sbin/sshd -D -e -f /dev/null -o Port=2222 -o HostKey="$1/host_key" -o StrictModes=no -o UsePAM=no \
    -o AuthorizedKeysFile="$1/key.pub" -o PidFile=none </dev/null >"$1/sshd_$2.log" 2>&1 &
  disown  # its end is no news
}

remove_hosts() {
  local host
  for host in alpha beta; do
    ip netns pids $host 2>/dev/null | xargs -r kill -9
    ip netns delete $host 2>/dev/null || true
  done
}

# on_host FOLDER HOST COMMAND...: becomes the command there.
on_host() {
  # shellcheck disable=SC2016  # for the inner shell
  exec_or_run ip netns exec "$2" unshare --mount --uts sh -c \
    'hostname "$2" && mount --bind "$1/hosts" /etc/hosts && shift 2 && exec "$@"' on_host "$1" "$2" "${@:3}"
}

# In a background job bash has made a process for it already; the command takes its place, so that $! is the command.
exec_or_run() { if [[ $BASHPID -ne $$ ]]; then exec "$@"; else "$@"; fi; }

# mpirun over hosts of one machine: the shared-memory transport does not know that they are two.
set_mpirun_of_hosts() {
  mpirun=("$PHALANX_MPIRUN" --quiet --allow-run-as-root --bind-to none --mca plm_rsh_agent "$1/ssh" --mca btl 'self,tcp'
    -x OMP_NUM_THREADS)
}

# check_hosts DATA FOLDER
check_hosts() {
  local log=$2/preflight.log status=0
  local -a mpirun
  set_mpirun_of_hosts "$2"
  (OMP_NUM_THREADS=1 on_host "$2" alpha timeout 120 "${mpirun[@]}" --host alpha,beta -np 2 "$root/build/release/phalanx" \
    preflight "$1/config.yaml" --set run.output="$2/run") >"$log" 2>&1 </dev/null || status=$?
  claim "preflight over two hosts is content" "status $status, see $log" [ "$status" -eq 0 ]
  claim "preflight sees a rank on each of two hosts" "see $log" grep -q 'map: alpha: rank 0, .*; beta: rank 1, ' "$log"
}

# stop_rank DATA FOLDER: the rank on beta is stopped; the watchdog on alpha names it and ends the job.
stop_rank() {
  local folder=$2 log=$2/stopped.log job begin process status=0
  local -a mpirun
  set_mpirun_of_hosts "$2"
  OMP_NUM_THREADS=1 on_host "$folder" alpha "${mpirun[@]}" --host alpha,beta -np 2 "$root/build/release/phalanx" train \
    "$1/config.yaml" --set run.output="$folder/stopped" --set run.hang_timeout=5 >"$log" 2>&1 </dev/null &
  job=$!
  until_step 20 "$folder/stopped/metrics.jsonl" || true
  begin=$SECONDS
  for process in $(ip netns pids beta); do
    [[ $(cat "/proc/$process/comm" 2>/dev/null) != phalanx ]] || kill -s STOP "$process"
  done
  wait_for_job "$job" || status=$?
  claim "a job ends when a rank on another host is stopped" "status $status, see $log" [ "$status" -ne 0 ]
  claim "within the limit of a step and five seconds" "$((SECONDS - begin)) s, see $log" [ "$((SECONDS - begin))" -le 11 ]
  claim "the verdict names the stopped rank and its host" "see $log" grep -q 'rank 1 @ beta has told nothing' "$log"
}

# lose_host DATA FOLDER: a supervised job over both; all of beta is killed; the job goes on.
lose_host() {
  local folder=$2 log=$2/supervise.log job status=0 run=$2/run
  local -a mpirun
  set_mpirun_of_hosts "$2"
  printf 'alpha slots=1\nbeta slots=1\n' >"$folder/hostfile"
  OMP_NUM_THREADS=1 PHALANX_SSH=$folder/ssh on_host "$folder" alpha "$root/launch/supervise.sh" --backoff 1 \
    --hostfile "$folder/hostfile" "$run" -- "${mpirun[@]}" --hostfile '{hostfile}' -np '{ranks}' "$root/build/release/phalanx" train "$1/config.yaml" \
    --set run.output="$run" --set checkpoint.every=50 --set run.digest_every=0 >"$log" 2>&1 </dev/null &
  job=$!
  if until_step 120 "$run/metrics.jsonl"; then
    ip netns pids beta | xargs -r kill -9
    cp "$run/metrics.jsonl" "$folder/before.jsonl"
    claim "a run whose host died goes on with the others" "see $log" until_line '"event":"resume"' "$run/metrics.jsonl"
    claim "and makes steps" "see $log" until_step 250 "$run/metrics.jsonl"
  else
    record failed "a supervised job over two hosts" "see $log"
  fi
  kill -s USR1 "$job" 2>/dev/null || true
  wait_for_job "$job" || status=$?
  claim "a supervised job over hosts stops when it is asked" "status $status, see $log" [ "$status" -eq 0 ]
  check_loss "$folder"
}

# until_line TEXT FILE: false when that takes more than a minute.
until_line() {
  for _ in {1..600}; do
    ! grep -qF "$1" "$2" || return 0
    sleep 0.1
  done
  return 1
}

# check_loss FOLDER: the record tells of one rank where there were two, and the loss of the steps that were made twice is
# the same but for the order of sums.
check_loss() {
  local run=$1/run
  claim "the journal names the host that is gone" "see $run/supervise.log" \
    grep -q 'host beta does not answer: going on without it' "$run/supervise.log"
  claim "a run goes on with fewer ranks" "see $run/metrics.jsonl" grep -q '"event":"resume".*"world_size":1,' "$run/metrics.jsonl"
  awk -F '"step":|,"loss":|,"learning_rate"' '/"event":"step"/ {
      if (FNR == NR) before[$2 + 0] = $3
      else if (begun && $2 + 0 in before) { ++n; d = $3 / before[$2 + 0] - 1; if (d * d > 1e-6) ++differ }
    } /"event":"resume"/ {if (FNR != NR) begun = 1} END {print n + 0, "steps made twice,", differ + 0, "differ"; exit !(n > 0 && !differ)}' \
    "$1/before.jsonl" "$run/metrics.jsonl" >"$1/loss.log" || true
  claim "the loss curve goes on where a host was lost" "$(cat "$1/loss.log"), see $1/before.jsonl" \
    grep -q '^[1-9][0-9]* steps made twice, 0 differ$' "$1/loss.log"
}

# Daemons of others would be started, and started again at each boot, where systemd runs: there nothing is installed.
cluster_installed() {
  local missing
  mapfile -t missing < <("$root/launch/setup.sh" --list cluster)
  dpkg-query -W "${missing[@]}" >/dev/null 2>&1 || { [[ ! -d /run/systemd/system ]] && installed cluster; }
}
