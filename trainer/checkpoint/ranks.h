// Words between ranks: whether all succeeded, and small numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace phalanx::checkpoint {

// Runs `work` on this rank; then, if it threw on any rank of `world`, every rank throws the same AgreedError: the
// lowest such rank, `what` and its reason.
void together(const std::string& what, Communicator& world, const std::function<void()>& work);

// Every rank's value, by rank.
std::vector<std::int32_t> gather(std::int32_t value, Communicator& world);

}  // namespace phalanx::checkpoint
