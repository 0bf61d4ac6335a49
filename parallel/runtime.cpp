#include "parallel/runtime.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "core/host.h"
#include "core/log.h"
#include "parallel/comm_mpi.h"
#include "parallel/comm_self.h"
#include "parallel/comm_shared.h"
#include "parallel/mpi_check.h"

namespace phalanx {
namespace {

constexpr unsigned kAbortSeconds = 3;  // then the alarm ends a process whose MPI_Abort does not

bool has_environment(std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [](const char* name) { return std::getenv(name) != nullptr; });
}

bool launched() { return has_environment({"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}); }

// Without a launcher there is one rank: Open MPI then needs neither its daemon nor a network, which saves most of the
// start, and no session folder, which all such processes would share and remove under each other's hands. What the user
// has set is kept.
void prepare_single_process() {
  constexpr int kKeep = 0;
  setenv("OMPI_MCA_ess_singleton_isolated", "1", kKeep);
  setenv("OMPI_MCA_orte_create_session_dirs", "0", kKeep);
  setenv("OMPI_MCA_btl", "self", kKeep);
  setenv("OMPI_MCA_pml", "ob1", kKeep);
}

// srun without a PMI plugin starts N worlds of one rank, each of which would train alone and write over the others.
void refuse_unseen_slurm_step() {
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  if (tasks == nullptr || std::atoi(tasks) <= 1) return;
  throw UsageError(str("srun started ", tasks,
                       " tasks, but MPI cannot see the others: use srun --mpi=pmix, or mpirun inside the allocation"));
}

int cores_allowed(pid_t process) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  return sched_getaffinity(process, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
}

// Between the ranks of the same color, the fastest that they can use. Collective over all ranks.
std::unique_ptr<Communicator> make_host_communicator(int size, int color, int key, const char* name,
                                                     const HostLimits& limits) {
  ENSURE(limits.chunk_bytes >= 1 && limits.direct_bytes >= 0 && limits.message_bytes >= 1 &&
             limits.message_bytes <= std::int64_t{1} << 30,
         "limits of the ", name, " communicator");
  if (size == 1) return make_self_communicator(name);
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_OK(MPI_Comm_split(MPI_COMM_WORLD, color, key, &comm));
  if (limits.shared_memory) {
    if (auto shared = make_shared_communicator(comm, name, limits)) return shared;
  }
  return make_mpi_communicator(comm, name, limits);
}

void start_mpi(int* argc, char*** argv) {
  int initialized = 0;
  MPI_OK(MPI_Initialized(&initialized));
  ENSURE(initialized == 0, "a process has one Runtime");
  if (!launched()) {
    refuse_unseen_slurm_step();
    prepare_single_process();
  }
  int provided = MPI_THREAD_SINGLE;
  MPI_OK(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided));
  MPI_OK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));  // communicators made from it inherit this
  ENSURE(provided >= MPI_THREAD_FUNNELED, "MPI has no thread support (MPI_THREAD_FUNNELED)");
}

}  // namespace

struct Runtime::State {
  int world_rank = 0;
  int world_size = 1;
  int local_rank = 0;
  int local_size = 1;
  int exceptions = std::uncaught_exceptions();
  std::unique_ptr<Communicator> world;
};

Runtime::Runtime(int* argc, char*** argv) : state_(std::make_unique<State>()) {
  start_mpi(argc, argv);
  State& s = *state_;
  MPI_OK(MPI_Comm_rank(MPI_COMM_WORLD, &s.world_rank));
  MPI_OK(MPI_Comm_size(MPI_COMM_WORLD, &s.world_size));
  MPI_Comm node = MPI_COMM_NULL;
  MPI_OK(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, s.world_rank, MPI_INFO_NULL, &node));
  MPI_OK(MPI_Comm_rank(node, &s.local_rank));
  MPI_OK(MPI_Comm_size(node, &s.local_size));
  MPI_OK(MPI_Comm_free(&node));
  log::set_identity({s.world_rank, s.world_size, host_name()});
  s.world = make_host_communicator(s.world_size, 0, s.world_rank, "world", HostLimits{});
}

Runtime::~Runtime() {
  if (std::uncaught_exceptions() > state_->exceptions) abort(1);
  state_->world.reset();
  MPI_Finalize();
}

int Runtime::world_rank() const { return state_->world_rank; }
int Runtime::world_size() const { return state_->world_size; }
int Runtime::local_rank() const { return state_->local_rank; }
int Runtime::local_size() const { return state_->local_size; }
Communicator& Runtime::world() const { return *state_->world; }

void Runtime::abort(int status) const {
  status = status == 0 ? 1 : status;
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::signal(SIGALRM, SIG_DFL);
  alarm(kAbortSeconds);
  if (state_->world_size > 1) MPI_Abort(MPI_COMM_WORLD, status);
  std::_Exit(status);
}

void Runtime::warn_if_bound() const {
  const int own = cores_allowed(0);
  const int share = cores_allowed(getppid()) / state_->local_size;  // what the launcher itself may use, on this host
  if (state_->local_rank != 0 || own == 0 || own >= share) return;
  log::warning("this rank may use ", own, " of its share of ", share, " cores; start mpirun with --bind-to none");
}

Runtime::Axes Runtime::split(const Grid& grid, const HostLimits& limits) const {
  ENSURE(grid.data >= 1 && grid.tensor >= 1 && grid.world_size() == state_->world_size, "parallel.data (", grid.data,
         ") x parallel.tensor (", grid.tensor, ") must be the number of ranks (", state_->world_size, ")");
  const Coord here = grid.coord(state_->world_rank);
  return {make_host_communicator(grid.data, here.tensor, here.data, "data", limits),
          make_host_communicator(grid.tensor, here.data, here.tensor, "tensor", limits)};
}

}  // namespace phalanx
