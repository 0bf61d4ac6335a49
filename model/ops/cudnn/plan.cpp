#include "model/ops/cudnn/plan.h"

namespace phalanx::ops::cudnn {
namespace {

Descriptor operation_graph(const Target& target, const Graph& graph) {
  Descriptor d(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (target.handle != nullptr) d.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  d.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, graph.operations());
  return d;
}

// Configurations that the heuristics propose, the best first; none where they know no engine.
std::vector<Descriptor> configurations(const Target& target, const Descriptor& operations) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations);
  const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (target.description.defined()) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.description);
  if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  std::int64_t count = 0;
  CUDNN_OK(library().get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                                   &count, nullptr));
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < count; ++i) {
    found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(found.back().get());
  }
  CUDNN_OK(library().get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   count, &count, raw.data()));
  found.resize(static_cast<std::size_t>(count));
  return found;
}

}  // namespace

Target described_target(const std::string& json) {
  Target target;
  target.description = Descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  target.description.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                         static_cast<std::int64_t>(json.size()), json.data());
  target.description.finalize();
  return target;
}

std::int64_t engines_for(const Target& target, const Graph& graph) {
  Descriptor operations = operation_graph(target, graph);
  if (operations.try_finalize() != CUDNN_STATUS_SUCCESS) return 0;
  return static_cast<std::int64_t>(configurations(target, operations).size());
}

Plan::Plan(const Target& target, const Graph& graph, const std::string& what) : scalars_(graph.scalars()) {
  Descriptor operations = operation_graph(target, graph);
  operations.finalize();
  for (const Descriptor& configuration : configurations(target, operations)) {
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (target.handle != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
    if (target.description.defined()) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.description);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    std::int64_t count = 0;
    CUDNN_OK(library().get_attribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                     &workspace_bytes_));
    plan_ = plan;
    return;
  }
  FAIL_WITH("cuDNN ", library().version, " has no plan for the ", what);
}

void Plan::run(cudnnHandle_t handle, const Memory& memory, void* workspace) const {
  std::vector<std::int64_t> ids;
  std::vector<void*> addresses;
  for (const auto& [id, address] : memory) {
    ids.push_back(id);
    addresses.push_back(address);
  }
  for (const Graph::Scalar& scalar : scalars_) {
    ids.push_back(scalar.id);
    addresses.push_back(const_cast<std::uint32_t*>(&scalar.bits));  // read on the host
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(addresses.size()),
           addresses.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize();
  CUDNN_OK(library().execute(handle, plan_.get(), pack.get()));
}

}  // namespace phalanx::ops::cudnn
