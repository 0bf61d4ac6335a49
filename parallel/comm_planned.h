// A communicator of a group that is only planned: it knows who is who and talks to nobody.
#pragma once

#include <memory>
#include <string>

#include "parallel/communicator.h"

namespace phalanx {

// As rank `rank` of `size` ranks that need not exist. Every operation throws Error.
std::unique_ptr<Communicator> make_planned_communicator(std::string name, int rank, int size);

}  // namespace phalanx
