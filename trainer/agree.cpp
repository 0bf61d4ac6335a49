#include "trainer/agree.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace phalanx {
namespace {

enum class Outcome : std::int64_t { failed = 1, bad_usage = 2, fine = 3 };

struct Attempt {
  Outcome outcome = Outcome::fine;
  std::string message;
};

Attempt attempt(const std::function<void()>& f) {
  try {
    f();
    return {};
  } catch (const UsageError& error) {
    return {Outcome::bad_usage, error.what()};
  } catch (const std::exception& error) {
    return {Outcome::failed, error.what()};
  }
}

std::string broadcast_text(Communicator& world, std::string text, int root) {
  auto length = static_cast<std::int64_t>(text.size());
  world.broadcast(host_tensor(&length, {1}), root, {});
  text.resize(static_cast<std::size_t>(length));
  if (length > 0) world.broadcast(host_tensor(reinterpret_cast<std::uint8_t*>(text.data()), {length}), root, {});
  return text;
}

void settle(Communicator& world, const Attempt& mine) {
  // The lowest failing rank: the minimum over ranks of rank * 4 + outcome, fine ranks last.
  const std::int64_t fine = std::int64_t{world.size()} * 4;
  std::int64_t first =
      mine.outcome == Outcome::fine ? fine : world.rank() * 4 + static_cast<std::int64_t>(mine.outcome);
  world.all_reduce(host_tensor(&first, {1}), Reduce::min, {});
  if (first == fine) return;
  const auto root = static_cast<int>(first / 4);
  const std::string message = broadcast_text(world, mine.message, root);
  if (static_cast<Outcome>(first % 4) == Outcome::bad_usage) throw UsageError(message);
  throw AgreedError(world.size() > 1 ? str("rank ", root, ": ", message) : message);
}

}  // namespace

void on_rank_zero(Communicator& world, const std::function<void()>& f) {
  settle(world, world.rank() == 0 ? attempt(f) : Attempt{});
}

void on_every_rank(Communicator& world, const std::function<void()>& f) { settle(world, attempt(f)); }

void on_every_rank(Communicator& world, const std::string& what, const std::function<void()>& f) {
  on_every_rank(world, [&] {
    try {
      f();
    } catch (const std::exception& error) {
      throw Error(str(what, ": ", error.what()));
    }
  });
}

std::string share_text(Communicator& world, std::string text) { return broadcast_text(world, std::move(text), 0); }

bool any_rank(Communicator& world, bool value) {
  std::int64_t flag = value ? 1 : 0;
  world.all_reduce(host_tensor(&flag, {1}), Reduce::max, {});
  return flag != 0;
}

void any_rank(Communicator& world, std::span<bool> flags) {
  std::vector<std::int64_t> values(flags.begin(), flags.end());
  world.all_reduce(host_tensor(values.data(), {static_cast<std::int64_t>(values.size())}), Reduce::max, {});
  std::transform(values.begin(), values.end(), flags.begin(), [](std::int64_t value) { return value != 0; });
}

std::vector<std::string> gather_texts(Communicator& world, const std::string& text) {
  const std::vector<std::int32_t> lengths = gather(world, static_cast<std::int32_t>(text.size()));
  const auto longest = static_cast<std::int64_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::vector<std::uint8_t> mine(text.begin(), text.end());
  mine.resize(static_cast<std::size_t>(longest));
  std::vector<std::uint8_t> all(static_cast<std::size_t>(longest * world.size()));
  if (longest > 0) {
    world.all_gather(host_tensor(all.data(), {world.size(), longest}), host_tensor(mine.data(), {longest}), {});
  }
  std::vector<std::string> texts;
  for (int r = 0; r < world.size(); ++r) {
    const auto begin = all.begin() + r * longest;
    texts.emplace_back(begin, begin + lengths[static_cast<std::size_t>(r)]);
  }
  return texts;
}

std::vector<std::int32_t> gather(Communicator& world, std::int32_t value) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(world.size()));
  world.all_gather(host_tensor(values.data(), {world.size()}), host_tensor(&value, {1}), {});
  return values;
}

}  // namespace phalanx
