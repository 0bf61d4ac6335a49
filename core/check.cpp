#include "core/check.h"

namespace phalanx {

void throw_error(const char* file, int line, std::string_view message) {
  throw Error(str(file, ":", line, ": ", message));
}

}  // namespace phalanx
