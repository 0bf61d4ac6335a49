#include "trainer/failure.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "core/check.h"
#include "core/log.h"
#include "parallel/runtime.h"

namespace phalanx {
namespace {

constexpr auto kFinaliseLimit = std::chrono::seconds(5);

// Ranks other than 0 keep quiet about an error of all ranks, unless it turns out to be theirs alone.
void guard_finalise(const std::string& message, bool printed, int status) {
  std::thread([message, printed, status] {
    std::this_thread::sleep_for(kFinaliseLimit);
    if (!printed) log::error(message);
    std::_Exit(status);
  }).detach();
}

int leave_together(const Runtime& runtime, const std::exception& error, Exit status) {
  const bool speaks = runtime.world_rank() == 0;
  if (speaks) log::error(error.what());
  if (runtime.world_size() > 1) guard_finalise(error.what(), speaks, static_cast<int>(status));
  return static_cast<int>(status);
}

}  // namespace

int end_job(const Runtime& runtime, const std::exception& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return leave_together(runtime, error, Exit::usage);
  if (dynamic_cast<const AgreedError*>(&error) != nullptr) return leave_together(runtime, error, Exit::failure);
  log::error(error.what());
  if (runtime.world_size() > 1) runtime.abort(static_cast<int>(Exit::failure));
  return static_cast<int>(Exit::failure);
}

bool speaks_for_all() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (const char* rank = std::getenv(name)) return std::string_view(rank) == "0";
  }
  return true;
}

}  // namespace phalanx
