#include "parallel/nccl_connect.h"

#include <cstdint>
#include <string>

#include "core/log.h"
#include "parallel/nccl_library.h"

namespace phalanx {
namespace {

// f() on every rank; if it throws UsageError on one, all of them throw one, so that nobody waits for a rank that has
// gone.
template <class F>
void together(Communicator& host, F&& f) {
  std::string problem;
  try {
    f();
  } catch (const UsageError& error) {
    problem = error.what();
  }
  std::int32_t works = problem.empty() ? 1 : 0;
  host.all_reduce(host_tensor(&works, {1}), Reduce::min, {});
  if (!problem.empty() && host.rank() != 0) log::warning(problem);  // rank 0 speaks last, and may not know why
  if (!problem.empty()) throw UsageError(problem);
  if (works == 0) throw UsageError(str("another rank of the ", host.name(), " communicator cannot use NCCL"));
}

}  // namespace

// Rank 0 makes an id, `host` brings it to the others.
ncclComm_t connect_nccl(Communicator& host, NcclWatch& watch) {
  ncclUniqueId id{};
  together(host, [&] {
    const NcclLibrary& nccl = nccl_library();
    if (host.rank() == 0 && nccl.get_unique_id(&id) != ncclSuccess) {
      throw UsageError(str("NCCL finds no network to begin with: ", nccl.get_last_error(nullptr),
                           " (NCCL_SOCKET_IFNAME names one)"));
    }
  });
  host.broadcast(host_tensor(reinterpret_cast<std::uint8_t*>(id.internal), {NCCL_UNIQUE_ID_BYTES}), 0, {});
  ncclComm_t comm = nullptr;
  watch.begin("the start", 0);
  together(host, [&] {
    const ncclResult_t result = nccl_library().comm_init_rank(&comm, host.size(), id, host.rank());
    if (result == ncclSuccess) return;
    throw UsageError(str("NCCL cannot connect the ", host.size(), " ranks of the ", host.name(), " communicator: ",
                         nccl_library().get_error_string(result), ": ", nccl_library().get_last_error(nullptr),
                         "; ranks that share a GPU need parallel.comm: staged (NCCL_DEBUG=INFO tells more)"));
  });
  watch.withdraw();
  watch.attach(comm);
  return comm;
}

}  // namespace phalanx
