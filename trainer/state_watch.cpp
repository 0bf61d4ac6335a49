#include "trainer/state_watch.h"

#include <algorithm>

#include "trainer/agree.h"

namespace phalanx {
namespace {

std::string tensor_name(const Replica& replica, const HeldTensor& tensor) {
  return str(name_of(tensor.kind), " of ", replica.layout().table()[static_cast<std::size_t>(tensor.spec)].name);
}

constexpr const char* kAdvice =
    "; memory of that host may be faulty. No checkpoint holds it: start again from the last one, without that host";

}  // namespace

StateWatch::StateWatch(Replica& replica, Communicator& world, Communicator& data)
    : replica_(replica), world_(world), data_(data) {}

StateDigest StateWatch::begin(std::int64_t step) {
  step_ = step;
  held_ = digest_held_state(replica_);
  compare_copies();
  digest_ = sum_digests(held_, world_);
  watching_ = true;
  return digest_;
}

// Every data rank sees all values of its group; those that few others share speak up.
void StateWatch::compare_copies() {
  std::vector<std::int64_t> mine;
  for (const HeldTensor& tensor : held_) {
    if (tensor.copied) mine.push_back(static_cast<std::int64_t>(tensor.digest));
  }
  const auto count = static_cast<std::int64_t>(mine.size());
  std::vector<std::int64_t> all(mine.size() * static_cast<std::size_t>(data_.size()));
  data_.all_gather(host_tensor(all.data(), {data_.size(), count}), host_tensor(mine.data(), {count}), {});
  on_every_rank(world_, [&] {
    std::size_t i = 0;
    for (const HeldTensor& tensor : held_) {
      if (!tensor.copied) continue;
      int same = 0;
      for (std::size_t r = 0; r < static_cast<std::size_t>(data_.size()); ++r) {
        same += all[r * mine.size() + i] == mine[i] ? 1 : 0;
      }
      ++i;
      if (2 * same > data_.size() || same == data_.size()) continue;
      throw Error(str("after the update of step ", step_, ", ", tensor_name(replica_, tensor), " differ from those of ",
                      data_.size() - same, " of ", data_.size(), " data ranks that should hold copies", kAdvice));
    }
  });
}

void StateWatch::check() {
  if (!watching_) return;
  const std::vector<HeldTensor> now = digest_held_state(replica_);
  on_every_rank(world_, [&] {
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i].digest == held_[i].digest) continue;
      throw Error(str(tensor_name(replica_, now[i]), " changed after the update of step ", step_, kAdvice));
    }
  });
}

void StateWatch::end() {
  check();
  watching_ = false;
}

StateDigest StateWatch::digest() { return watching_ ? digest_ : sum_digests(digest_held_state(replica_), world_); }

}  // namespace phalanx
