// What one rank must do for all, or every rank for itself, with one outcome: if it fails anywhere, every rank throws
// the same error, so nobody waits for a rank that has gone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace phalanx {

// Runs `f` on rank 0 of the world. Its UsageError is thrown as UsageError on all ranks, any other error as AgreedError.
void on_rank_zero(Communicator& world, const std::function<void()>& f);

// Runs `f` on every rank; the error of the lowest rank that failed is thrown on all.
void on_every_rank(Communicator& world, const std::function<void()>& f);
// The same; whatever the error was, it is an AgreedError "<what>: <reason>".
void on_every_rank(Communicator& world, const std::string& what, const std::function<void()>& f);

// Rank 0's text on every rank.
std::string share_text(Communicator& world, std::string text);

// True on every rank when it is true on any.
bool any_rank(Communicator& world, bool value);

// Each flag is true on every rank when it is true on any.
void any_rank(Communicator& world, std::span<bool> flags);

// Every rank's text, by rank, on every rank.
std::vector<std::string> gather_texts(Communicator& world, const std::string& text);

// Every rank's value, by rank.
std::vector<std::int32_t> gather(Communicator& world, std::int32_t value);

}  // namespace phalanx
