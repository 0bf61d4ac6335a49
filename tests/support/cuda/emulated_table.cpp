#include "tests/support/cuda/emulated_table.h"

#include "model/ops/cuda/cuda_ops.h"

namespace phalanx::testing {
namespace {

ops::OpTable make_table() {
  ops::OpTable table = ops::cuda::op_table();
  table.name = "cuda_emulated";
  return table;
}

}  // namespace

const ops::OpTable& emulated_cuda_table() {
  static const ops::OpTable table = make_table();
  return table;
}

std::vector<const ops::OpTable*> every_table() {
  std::vector<const ops::OpTable*> tables = ops::usable_cpu_op_tables();
  tables.push_back(&emulated_cuda_table());
  return tables;
}

}  // namespace phalanx::testing
