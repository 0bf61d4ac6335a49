// Which CPU table runs: by the processor's features and, for tests, a lower level asked for by the environment.
#include "model/ops/op_table.h"

#include <cstdlib>
#include <string_view>

#include "core/check.h"
#include "core/cuda_module.h"
#include "core/processor.h"

namespace phalanx::ops {

namespace cpu_v3 {
extern const OpTable op_table;
}
namespace cpu_v4 {
extern const OpTable op_table;
}
namespace cpu_v4_bf16 {
void attention_forward(const Exec& exec, const AttentionForward& a);
void attention_backward(const Exec& exec, const AttentionBackward& a);
void weight_product(const Exec& exec, const WeightProduct& a);
}  // namespace cpu_v4_bf16

namespace {

const OpTable& v4_bf16_table() {
  static const OpTable table = [] {
    OpTable t = cpu_v4::op_table;
    t.name = "cpu_v4_bf16";
    t.attention_step = 2;
    t.attention_forward = cpu_v4_bf16::attention_forward;
    t.attention_backward = cpu_v4_bf16::attention_backward;
    t.weight_product = cpu_v4_bf16::weight_product;
    return t;
  }();
  return table;
}

}  // namespace

std::vector<const OpTable*> usable_cpu_op_tables() {
  std::vector<const OpTable*> tables;
  if (has_x86_64_v3()) tables.push_back(&cpu_v3::op_table);
  if (has_x86_64_v4()) tables.push_back(&cpu_v4::op_table);
  if (has_fast_bf16_pairs()) tables.push_back(&v4_bf16_table());
  return tables;
}

const OpTable& cpu_op_table() {
  const auto tables = usable_cpu_op_tables();
  ENSURE(!tables.empty(),
         "this processor lacks AVX2 or FMA, which the CPU backend needs (Intel Haswell, AMD Zen or newer)");
  const char* wanted = std::getenv("PHALANX_CPU_LEVEL");
  if (wanted == nullptr || *wanted == '\0') return *tables.back();
  const std::string name = str("cpu_", wanted);
  for (const OpTable* table : tables) {
    if (table->name == name) return *table;
  }
  throw UsageError(str("PHALANX_CPU_LEVEL=", wanted,
                       ": expected v3, v4 or v4_bf16, and a level this processor has (best: ",
                       std::string_view(tables.back()->name).substr(4), ")"));
}

const OpTable& op_table(Device device) { return device.type == DeviceType::cpu ? cpu_op_table() : *cuda_module().ops; }

}  // namespace phalanx::ops
