# shellcheck shell=bash disable=SC2154
# Part of tier `services`: Debian's Slurm, its daemons started by hand, with two nodes that are this machine. It runs
# run_slurm.sbatch. What was said stays in build/services/slurm.

# slurm_job FOLDER: the data of make_services_data lies there.
slurm_job() {
  local folder=$1/slurm daemons=()
  mkdir -p "$folder"
  if [[ $(id -u) -ne 0 || ! -d /sys/fs/cgroup ]] || ! cluster_installed; then
    record skipped "a job under Slurm" "that needs root, /sys/fs/cgroup, and slurmctld, slurmd and munge (launch/setup.sh cluster)"
    return
  fi
  if start_slurm "$folder" >"$folder/start.log" 2>&1; then
    warn_job "$1" "$folder"
    cancel_job "$1" "$folder"
    finish_job "$1" "$folder"
    refuse_lone_ranks "$1" "$folder"
  else
    record failed "two nodes of Slurm" "see $folder/start.log and the logs beside it"
  fi
  # The keeper of keys last: the others sign their last words.
  kill "${daemons[@]:1}" 2>/dev/null || true
  wait "${daemons[@]:1}" 2>/dev/null || true
  kill "${daemons[@]:0:1}" 2>/dev/null || true
  wait "${daemons[@]:0:1}" 2>/dev/null || true
}

# Sets `daemons`, munged first, and SLURM_CONF. True once both nodes are idle.
start_slurm() {
  local folder=$1 node
  mkdir -p "$folder/state" "$folder"/{spool,tmp}-n{1,2}
  dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 status=none
  chmod 600 "$folder/munge.key"
  munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munge.pid" \
    --seed-file="$folder/munge.seed" --log-file="$folder/munge.log" </dev/null &
  daemons=($!)
  write_slurm_conf "$folder" "$(free_port)" "$(free_port)" "$(free_port)"
  export SLURM_CONF=$folder/slurm.conf
  for _ in {1..50}; do [[ ! -S $folder/munge.socket ]] || break; sleep 0.1; done
  slurmctld -D </dev/null >"$folder/slurmctld.out" 2>&1 &
  daemons+=($!)
  for node in n1 n2; do
    slurmd -D -N $node </dev/null >"$folder/slurmd_$node.out" 2>&1 &
    daemons+=($!)
  done
  for _ in {1..300}; do
    [[ $(sinfo --noheader --format=%D --states=idle 2>/dev/null) != 2 ]] || return 0
    sleep 0.1
  done
  return 1
}

# write_slurm_conf FOLDER PORT...: of the controller and of the nodes.
write_slurm_conf() {
  local host
  host=$(hostname -s)
  cat >"$1/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$2
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$1/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool-%n
TmpFS=$1/tmp-%n
SlurmctldPidFile=$1/slurmctld.pid
SlurmdPidFile=$1/slurmd-%n.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd-%n.log
SlurmdParameters=config_overrides
KillWait=30
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$3 CPUs=2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$4 CPUs=2
PartitionName=all Nodes=n1,n2 Default=YES State=UP
END
}

# submit DATA FOLDER NAME [option of phalanx train]...: run_slurm.sbatch on both nodes; sets `job`.
submit() {
  job=$(PHALANX_BINARY=$root/build/release/phalanx OMPI_MCA_btl=self,tcp OMP_NUM_THREADS=1 sbatch --parsable --nodes=2 \
    --ntasks-per-node=1 --time=10 --output="$2/$3.log" "$root/launch/run_slurm.sbatch" "$1/config.yaml" --set run.output="$2/run" \
    --set checkpoint.every=0 "${@:4}")
}

# until_over JOB: waits up to two minutes; prints how it ended: COMPLETED 0:0.
until_over() {
  local told
  for _ in {1..600}; do
    told=$(scontrol show job "$1" 2>/dev/null | sed -n 's/^ *JobState=\([A-Z_]*\).*/\1/p; s/^ *Requeue=.*ExitCode=\([0-9:]*\).*/\1/p' | xargs) || true
    case $told in PENDING* | RUNNING* | COMPLETING* | '') sleep 0.2 ;; *) break ;; esac
  done
  printf '%s\n' "$told"
}

# warn_job DATA FOLDER: the warning ahead of the time limit, as Slurm sends it, saves and ends the job well.
warn_job() {
  local job='' ended
  submit "$1" "$2" warned || true
  until_step 60 "$2/run/metrics.jsonl" || true
  scancel --signal=USR1 --batch "$job" || true
  ended=$(until_over "$job")
  claim "Slurm runs the batch script over two nodes" "see $2/warned.log" grep -q '"event":"run".*"world_size":2,' "$2/run/metrics.jsonl"
  claim "Slurm's warning ends a job well" "job $job: $ended, see $2/warned.log" [ "$ended" = 'COMPLETED 0:0' ]
  claim "Slurm's warning makes a job save" "see $2/run/status.json" grep -q '"state": *"stopped"' "$2/run/status.json"
}

# cancel_job DATA FOLDER: scancel is given the time to save, too.
cancel_job() {
  local job='' ended
  submit "$1" "$2" cancelled || true
  until_step 110 "$2/run/metrics.jsonl" || true
  scancel "$job" || true
  ended=$(until_over "$job")
  claim "scancel ends a job" "job $job: $ended, see $2/cancelled.log" [ "${ended%% *}" = CANCELLED ]
  claim "scancel makes a job save" "see $2/run/status.json" grep -q '"state": *"stopped"' "$2/run/status.json"
}

# finish_job DATA FOLDER: the same line, submitted again, goes on; here started by mpirun.
finish_job() {
  local job='' ended step
  step=$(sed -n 's/^ *"step": *\([0-9]*\).*/\1/p' "$2/run/status.json")
  PHALANX_LAUNCHER=mpirun submit "$1" "$2" finished --set training.steps="$((step + 20))" || true
  ended=$(until_over "$job")
  claim "mpirun inside of a Slurm job goes on from what was saved" "job $job: $ended, see $2/finished.log" \
    grep -q "\"event\":\"resume\".*\"step\":$step,.*\"world_size\":2," "$2/run/metrics.jsonl"
  claim "a job under Slurm finishes" "job $job: $ended, see $2/finished.log" \
    grep -q '"state": *"finished"' "$2/run/status.json"
}

# refuse_lone_ranks DATA FOLDER: tasks that MPI cannot see would each be a job of its own.
refuse_lone_ranks() {
  local status=0
  srun --mpi=none --nodes=2 --ntasks=2 "$root/build/release/phalanx" train "$1/config.yaml" --set run.output="$2/lone" \
    >"$2/lone.log" 2>&1 </dev/null || status=$?
  claim "tasks of srun that MPI cannot see are refused" "status $status, see $2/lone.log" [ "$status" -eq 2 ]
  claim "and are told what to write" "see $2/lone.log" grep -q -- '--mpi=pmix' "$2/lone.log"
}
