// phalanx data import: one verb of the data command.
#pragma once

#include "trainer/commands/command.h"

namespace phalanx::commands {

void add_data_import(CLI::App& data, Selection& selection);

}  // namespace phalanx::commands
