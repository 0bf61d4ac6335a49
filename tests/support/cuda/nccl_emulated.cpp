// NCCL's calls over MPI, on the emulated device's memory. Streams hold nothing there: what is enqueued has been done,
// so a call waits for its peers, until the communicator is aborted.
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "parallel/nccl_library.h"
#include "tests/support/cuda/device_memory.h"

struct ncclComm {
  MPI_Comm mpi = MPI_COMM_NULL;
  int rank = 0, size = 1;
  std::atomic<bool> aborted{false};
};

namespace {

using phalanx::emulator::DeviceAccess;

constexpr int kTag = 2;

// What a group has gathered. Peers may read the device's memory until it has ended.
int group_depth = 0;
std::optional<DeviceAccess> group_access;
std::vector<MPI_Request> requests;
ncclComm_t group_comm = nullptr;

// All that were made: those that were aborted may still be waited for.
std::vector<std::unique_ptr<ncclComm>>& comms() {
  static std::vector<std::unique_ptr<ncclComm>> all;
  return all;
}

ncclResult_t result_of(int mpi) { return mpi == MPI_SUCCESS ? ncclSuccess : ncclSystemError; }

// Until all are done; ncclRemoteError once `comm` is aborted: what is not done then is left to MPI for ever.
ncclResult_t wait(ncclComm_t comm, std::vector<MPI_Request>& all) {
  constexpr int kSpins = 200;
  constexpr useconds_t kMicroseconds = 50;
  for (int spins = 0;; ++spins) {
    int done = 0;
    const int tested = MPI_Testall(static_cast<int>(all.size()), all.data(), &done, MPI_STATUSES_IGNORE);
    if (tested != MPI_SUCCESS || done != 0) return result_of(tested);
    if (comm->aborted) return ncclRemoteError;
    if (spins > kSpins) usleep(kMicroseconds);
  }
}
// The same for a call that begins one request.
template <class F>
ncclResult_t wait_for(ncclComm_t comm, F&& begin) {
  const DeviceAccess access;
  std::vector<MPI_Request> one(1, MPI_REQUEST_NULL);
  if (const int begun = begin(one.data()); begun != MPI_SUCCESS) return result_of(begun);
  return wait(comm, one);
}

std::size_t bytes_of(std::size_t count, ncclDataType_t type) { return type == ncclFloat32 ? 4 * count : count; }

// The error that PHALANX_EMULATED_NCCL_ERROR asks for, as if a peer had failed.
bool fails() { return std::getenv("PHALANX_EMULATED_NCCL_ERROR") != nullptr; }

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int count = 0;
  const int parts[] = {static_cast<int>(getpid()), ++count};
  std::memcpy(id->internal, parts, sizeof parts);
  return ncclSuccess;
}

// All groups of the world are made at once: those of one id are a group.
ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank) {
  int parts[2];
  std::memcpy(parts, id.internal, sizeof parts);
  ncclComm* made = comms().emplace_back(std::make_unique<ncclComm>()).get();
  MPI_Comm_split(MPI_COMM_WORLD, (parts[0] * 64 + parts[1]) & 0x3FFFFFFF, rank, &made->mpi);
  MPI_Comm_rank(made->mpi, &made->rank);
  MPI_Comm_size(made->mpi, &made->size);
  *comm = made;
  return made->size == ranks && made->rank == rank ? ncclSuccess : ncclInvalidUsage;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t /*comm*/, ncclResult_t* error) {
  *error = fails() ? ncclRemoteError : ncclSuccess;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  comm->aborted = true;  // its MPI communicator cannot be freed by one rank alone
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) { return result_of(MPI_Comm_free(&comm->mpi)); }
const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote process exited" : "an emulated error";
}
const char* ncclGetLastError(ncclComm_t /*comm*/) { return "emulated"; }

ncclResult_t ncclGroupStart() {
  if (group_depth++ == 0) group_access.emplace();
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  if (--group_depth > 0) return ncclSuccess;
  const ncclResult_t done = requests.empty() ? ncclSuccess : wait(group_comm, requests);
  for (MPI_Request& request : requests) {
    if (request == MPI_REQUEST_NULL) continue;
    MPI_Cancel(&request);
    MPI_Request_free(&request);
  }
  requests.clear();
  group_access.reset();
  return done;
}

ncclResult_t ncclSend(const void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t /*stream*/) {
  if (group_depth == 0) return ncclInvalidUsage;  // the project sends in groups only
  group_comm = comm;
  requests.push_back(MPI_REQUEST_NULL);
  const int sent =
      MPI_Isend(data, static_cast<int>(bytes_of(count, type)), MPI_BYTE, peer, kTag, comm->mpi, &requests.back());
  return result_of(sent);
}
ncclResult_t ncclRecv(void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t /*stream*/) {
  if (group_depth == 0) return ncclInvalidUsage;  // the project sends in groups only
  group_comm = comm;
  requests.push_back(MPI_REQUEST_NULL);
  const int received =
      MPI_Irecv(data, static_cast<int>(bytes_of(count, type)), MPI_BYTE, peer, kTag, comm->mpi, &requests.back());
  return result_of(received);
}

ncclResult_t ncclAllGather(const void* in, void* out, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t /*stream*/) {
  const auto bytes = static_cast<int>(bytes_of(count, type));
  const bool in_place = in == static_cast<char*>(out) + static_cast<std::size_t>(comm->rank) * bytes_of(count, type);
  return wait_for(comm, [&](MPI_Request* request) {
    return MPI_Iallgather(in_place ? MPI_IN_PLACE : in, bytes, MPI_BYTE, out, bytes, MPI_BYTE, comm->mpi, request);
  });
}
ncclResult_t ncclAllReduce(const void* in, void* out, std::size_t count, ncclDataType_t /*type*/, ncclRedOp_t /*op*/,
                           ncclComm_t comm, cudaStream_t /*stream*/) {
  return wait_for(comm, [&](MPI_Request* request) {
    return MPI_Iallreduce(in == out ? MPI_IN_PLACE : in, out, static_cast<int>(count), MPI_FLOAT, MPI_SUM, comm->mpi,
                          request);
  });
}
ncclResult_t ncclReduceScatter(const void* in, void* out, std::size_t count, ncclDataType_t /*type*/,
                               ncclRedOp_t /*op*/, ncclComm_t comm, cudaStream_t /*stream*/) {
  std::vector<float> own(count);  // `out` may be a part of `in`
  const ncclResult_t done = wait_for(comm, [&](MPI_Request* request) {
    return MPI_Ireduce_scatter_block(in, own.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, comm->mpi, request);
  });
  const DeviceAccess access;
  if (done == ncclSuccess && count > 0) std::memcpy(out, own.data(), count * sizeof(float));
  return done;
}
ncclResult_t ncclBroadcast(const void* /*in*/, void* out, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t /*stream*/) {
  return wait_for(comm, [&](MPI_Request* request) {
    return MPI_Ibcast(out, static_cast<int>(bytes_of(count, type)), MPI_BYTE, root, comm->mpi, request);
  });
}

namespace phalanx {

const NcclLibrary& nccl_library() {
  static const NcclLibrary nccl{ncclGetVersion, ncclGetUniqueId, ncclCommInitRank,   ncclCommGetAsyncError,
                                ncclCommAbort,  ncclCommDestroy, ncclGetErrorString, ncclGetLastError,
                                ncclGroupStart, ncclGroupEnd,    ncclSend,           ncclRecv,
                                ncclAllGather,  ncclAllReduce,   ncclReduceScatter,  ncclBroadcast};
  return nccl;
}

}  // namespace phalanx
