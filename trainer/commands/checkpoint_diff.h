// phalanx checkpoint diff: one verb of the checkpoint command.
#pragma once

#include "trainer/commands/command.h"

namespace phalanx::commands {

void add_checkpoint_diff(CLI::App& checkpoint, Selection& selection);

}  // namespace phalanx::commands
