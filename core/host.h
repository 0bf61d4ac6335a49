// The machine that this process runs on.
#pragma once

#include <string>

namespace phalanx {

// Its name; "localhost" where it has none.
std::string host_name();

}  // namespace phalanx
