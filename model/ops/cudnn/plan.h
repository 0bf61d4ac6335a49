// Plan: a graph that cuDNN has compiled for one GPU.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/ops/cudnn/graph.h"

namespace phalanx::ops::cudnn {

// What a plan is made for: the GPU of a handle, or one that is only described (then plans can be made, and not run).
struct Target {
  cudnnHandle_t handle = nullptr;
  Descriptor description{};
};

// A GPU by cuDNN's own JSON of its properties.
Target described_target(const std::string& json);

class Plan {
 public:
  // The first of the heuristics' choices that can be compiled; throws Error naming `what` when there is none.
  Plan(const Target& target, const Graph& graph, const std::string& what);

  [[nodiscard]] std::int64_t workspace_bytes() const { return workspace_bytes_; }

  // Enqueues on the stream of the handle. `memory`: address of each tensor, by id.
  using Memory = std::vector<std::pair<std::int64_t, void*>>;
  void run(cudnnHandle_t handle, const Memory& memory, void* workspace) const;

 private:
  Descriptor plan_;
  std::vector<Graph::Scalar> scalars_;
  std::int64_t workspace_bytes_ = 0;
};

// How many engines cuDNN's heuristics have for the graph: 0 where it is not supported. Compiles nothing.
std::int64_t engines_for(const Target& target, const Graph& graph);

}  // namespace phalanx::ops::cudnn
