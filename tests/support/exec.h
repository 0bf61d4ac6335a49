// An Exec on the CPU for tests: a workspace of a given size and one of the processor's op tables.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "model/ops/op_table.h"
#include "tests/support/cuda/emulated_table.h"

namespace phalanx::testing {

// Owns the workspace; `exec()` is what ops take. Keeps the best table unless one is given.
class CpuExec {
 public:
  explicit CpuExec(std::int64_t workspace_bytes = std::int64_t{1} << 24,
                   const ops::OpTable& table = ops::cpu_op_table())
      : workspace_("workspace", Device{}, workspace_bytes), exec_{Device{}, Stream{}, &workspace_, &table} {}
  CpuExec(const CpuExec&) = delete;
  CpuExec& operator=(const CpuExec&) = delete;
  const ops::Exec& exec() const { return exec_; }
  const Arena& workspace() const { return workspace_; }

 private:
  Arena workspace_;
  ops::Exec exec_;
};

// An Exec that only plans: ops check, take their workspace and return.
class PlanningExec {
 public:
  PlanningExec() : workspace_("workspace", Device{}), exec_{Device{}, Stream{}, &workspace_, nullptr} {}
  PlanningExec(const PlanningExec&) = delete;
  PlanningExec& operator=(const PlanningExec&) = delete;
  const ops::Exec& exec() const { return exec_; }
  std::int64_t peak() const { return workspace_.peak(); }  // bytes

 private:
  Arena workspace_;
  ops::Exec exec_;
};

// A suite that runs once for every instruction set this processor has:
//   class Gelu : public phalanx::testing::EachCpuLevel {};
//   TEST_P(Gelu, MatchesClosedForm) { ops::gelu_forward(exec(), ...); }
//   PHALANX_EACH_CPU_LEVEL(Gelu);
class EachCpuLevel : public ::testing::TestWithParam<const ops::OpTable*> {
 protected:
  const ops::Exec& exec() const { return cpu_.exec(); }

 private:
  CpuExec cpu_{std::int64_t{1} << 26, *GetParam()};
};

inline std::string level_name(const ::testing::TestParamInfo<const ops::OpTable*>& info) { return info.param->name; }

}  // namespace phalanx::testing

// Likewise, with the emulated CUDA ops besides.
#define PHALANX_EACH_TABLE(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(Cpu, suite, ::testing::ValuesIn(phalanx::testing::every_table()), \
                           phalanx::testing::level_name)

#define PHALANX_EACH_CPU_LEVEL(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Cpu, suite, ::testing::ValuesIn(phalanx::ops::usable_cpu_op_tables()), \
                           phalanx::testing::level_name)
