// phalanx tokenizer encode: a part of the command `tokenizer`.
#pragma once

#include "trainer/commands/command.h"

namespace phalanx::commands {

void add_tokenizer_encode(CLI::App& tokenizer, Selection& selection);

}  // namespace phalanx::commands
