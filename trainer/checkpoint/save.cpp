// checkpoint::save: every rank writes its file, all agree, rank 0 commits, all agree again.
#include "core/check.h"
#include "trainer/agree.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/save_parts.h"

namespace phalanx::checkpoint {

std::string save(const std::string& checkpoints, const Progress& progress, const Provenance& provenance,
                 const OwnedState& state, Communicator& world, const std::function<void()>& check_written) {
  const SaveTarget target = begin_save(checkpoints, progress.step, state.writes, world);
  const std::string what = str("checkpoint of step ", progress.step, " not saved");
  std::string folder;
  try {
    on_every_rank(world, what, [&] { write_part(target, world.rank(), state); });
    check_written();
    on_every_rank(world, what, [&] {
      if (world.rank() == 0) folder = commit(target, progress, provenance, *state.layout, state.m.defined());
    });
  } catch (...) {
    if (world.rank() == 0) discard(target);
    throw;
  }
  return share_text(world, folder);
}

}  // namespace phalanx::checkpoint
