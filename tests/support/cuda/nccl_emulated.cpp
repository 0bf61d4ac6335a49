// NCCL's calls over MPI, on the emulated device's memory. Streams hold nothing there: what is enqueued has been done.
#include <mpi.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "parallel/nccl_library.h"
#include "tests/support/cuda/device_memory.h"

struct ncclComm {
  MPI_Comm mpi = MPI_COMM_NULL;
  int rank = 0, size = 1;
};

namespace {

using phalanx::emulator::DeviceAccess;

constexpr int kTag = 2;

// What a group has gathered. Peers may read the device's memory until it has ended.
int group_depth = 0;
std::optional<DeviceAccess> group_access;
std::vector<MPI_Request> requests;

ncclResult_t result_of(int mpi) { return mpi == MPI_SUCCESS ? ncclSuccess : ncclSystemError; }

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
  auto* made = new ncclComm;
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
  delete comm;  // its MPI communicator cannot be freed by one rank alone
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  MPI_Comm_free(&comm->mpi);
  delete comm;
  return ncclSuccess;
}
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
  const int done = MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  requests.clear();
  group_access.reset();
  return result_of(done);
}

ncclResult_t ncclSend(const void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t /*stream*/) {
  if (group_depth == 0) return ncclInvalidUsage;  // the project sends in groups only
  requests.push_back(MPI_REQUEST_NULL);
  const int sent =
      MPI_Isend(data, static_cast<int>(bytes_of(count, type)), MPI_BYTE, peer, kTag, comm->mpi, &requests.back());
  return result_of(sent);
}
ncclResult_t ncclRecv(void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t /*stream*/) {
  if (group_depth == 0) return ncclInvalidUsage;  // the project sends in groups only
  requests.push_back(MPI_REQUEST_NULL);
  const int received =
      MPI_Irecv(data, static_cast<int>(bytes_of(count, type)), MPI_BYTE, peer, kTag, comm->mpi, &requests.back());
  return result_of(received);
}

ncclResult_t ncclAllGather(const void* in, void* out, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t /*stream*/) {
  const DeviceAccess access;
  const auto bytes = static_cast<int>(bytes_of(count, type));
  const bool in_place = in == static_cast<char*>(out) + static_cast<std::size_t>(comm->rank) * bytes_of(count, type);
  return result_of(MPI_Allgather(in_place ? MPI_IN_PLACE : in, bytes, MPI_BYTE, out, bytes, MPI_BYTE, comm->mpi));
}
ncclResult_t ncclAllReduce(const void* in, void* out, std::size_t count, ncclDataType_t /*type*/, ncclRedOp_t /*op*/,
                           ncclComm_t comm, cudaStream_t /*stream*/) {
  const DeviceAccess access;
  return result_of(
      MPI_Allreduce(in == out ? MPI_IN_PLACE : in, out, static_cast<int>(count), MPI_FLOAT, MPI_SUM, comm->mpi));
}
ncclResult_t ncclReduceScatter(const void* in, void* out, std::size_t count, ncclDataType_t /*type*/,
                               ncclRedOp_t /*op*/, ncclComm_t comm, cudaStream_t /*stream*/) {
  const DeviceAccess access;
  std::vector<float> own(count);
  const int done = MPI_Reduce_scatter_block(in, own.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, comm->mpi);
  std::memcpy(out, own.data(), count * sizeof(float));
  return result_of(done);
}
ncclResult_t ncclBroadcast(const void* /*in*/, void* out, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t /*stream*/) {
  const DeviceAccess access;
  return result_of(MPI_Bcast(out, static_cast<int>(bytes_of(count, type)), MPI_BYTE, root, comm->mpi));
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
