// The CPU op table of one instruction set: this file is compiled once for each (model/CMakeLists.txt).
// Products are not here by level: oneDNN looks at the processor itself.
#include "model/ops/cpu/level_ops.h"

#define PHALANX_TEXT_OF(x) #x
#define PHALANX_TEXT(x) PHALANX_TEXT_OF(x)

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr OpTable make_table() {
  OpTable t{};
  t.name = PHALANX_TEXT(PHALANX_CPU_LEVEL);

  // An op that has no line here is not written yet; calling it would be a null call.
  t.cast = cast;
  t.add = add;
  t.scale = scale;
  t.sum_of_squares = sum_of_squares;
  t.adamw_update = adamw_update;
  return t;
}

}  // namespace

extern const OpTable op_table;
const OpTable op_table = make_table();

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
