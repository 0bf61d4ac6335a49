// The communicator of one process: every collective is a copy or nothing.
#pragma once

#include <memory>
#include <string>

#include "parallel/communicator.h"

namespace phalanx {

std::unique_ptr<Communicator> make_self_communicator(std::string name);

}  // namespace phalanx
