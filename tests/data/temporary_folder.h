// The tests' temporary folder under the name that tests of data/ use.
#pragma once

#include "tests/support/temporary_folder.h"

namespace phalanx::data {

using test::TemporaryFolder;

}  // namespace phalanx::data
