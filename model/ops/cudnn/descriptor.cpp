#include "model/ops/cudnn/descriptor.h"

namespace phalanx::ops::cudnn {

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t raw = nullptr;
  CUDNN_OK(library().create_descriptor(type, &raw));
  object_ = std::shared_ptr<void>(raw, [](void* object) { library().destroy_descriptor(object); });
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                     const void* values) {
  CUDNN_OK(library().set_attribute(get(), name, type, count, values));
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  void* const raw = value.get();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
}

void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  raw.reserve(values.size());
  for (const Descriptor& value : values) raw.push_back(value.get());
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw.size()), raw.data());
}

void Descriptor::finalize() { CUDNN_OK(try_finalize()); }

cudnnStatus_t Descriptor::try_finalize() { return library().finalize(get()); }

}  // namespace phalanx::ops::cudnn
