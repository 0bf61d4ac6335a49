#include "trainer/state_watch.h"

#include <string>

#include "core/check.h"
#include "trainer/agree.h"

namespace phalanx {
namespace {

std::string tensor_name(const Replica& replica, const HeldTensor& tensor) {
  return str(name_of(tensor.kind), " of ", replica.layout().table()[static_cast<std::size_t>(tensor.spec)].name);
}

}  // namespace

StateWatch::StateWatch(Replica& replica, Communicator& world, Communicator& data)
    : replica_(replica), world_(world), data_(data) {}

StateDigest StateWatch::begin(std::int64_t step) {
  step_ = step;
  held_ = digest_held_state(replica_);
  compare_copies(Copies::data, data_);
  compare_copies(Copies::world, world_);
  compared_step_ = step;
  digest_ = sum_digests(held_, replica_.layout().table(), world_);
  watching_ = true;
  return digest_;
}

// Every rank sees all values of its group; those that no majority shares speak up.
void StateWatch::compare_copies(Copies copies, Communicator& group) {
  std::vector<std::int64_t> mine;
  std::vector<const HeldTensor*> tensors;
  for (const HeldTensor& tensor : held_) {
    if (tensor.copies != copies) continue;
    mine.push_back(static_cast<std::int64_t>(tensor.digest));
    tensors.push_back(&tensor);
  }
  const auto count = static_cast<std::int64_t>(mine.size());
  std::vector<std::int64_t> all(mine.size() * static_cast<std::size_t>(group.size()));
  group.all_gather(host_tensor(all.data(), {group.size(), count}), host_tensor(mine.data(), {count}), {});
  on_every_rank(world_, [&] {
    for (std::size_t i = 0; i < mine.size(); ++i) {
      int same = 0;
      for (std::size_t r = 0; r < static_cast<std::size_t>(group.size()); ++r) {
        same += all[r * mine.size() + i] == mine[i] ? 1 : 0;
      }
      if (2 * same > group.size()) continue;
      throw Error(str("after the update of step ", step_, ", ", tensor_name(replica_, *tensors[i]), " differ from ",
                      group.size() - same, " of the ", group.size(), " copies that ranks hold",
                      2 * same == group.size() ? " (which half is wrong cannot be told)" : "",
                      "; memory of a host may be faulty, or processors differ. Copies were equal after step ",
                      compared_step_, ": start again from a checkpoint up to there"));
    }
  });
}

void StateWatch::check() {
  if (!watching_) return;
  const std::vector<HeldTensor> now = digest_held_state(replica_);
  on_every_rank(world_, [&] {
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i].digest == held_[i].digest) continue;
      throw Error(str(tensor_name(replica_, now[i]), " changed after the update of step ", step_,
                      "; memory of that host may be faulty. No checkpoint holds the change: start again from the last "
                      "one, without that host"));
    }
  });
}

void StateWatch::end() {
  check();
  watching_ = false;
}

StateDigest StateWatch::checked(std::int64_t step) {
  if (!watching_) return begin(step);
  check();
  return digest_;
}

}  // namespace phalanx
