// Descriptor: an object of cuDNN's backend API, released with its last owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/ops/cudnn/library.h"

namespace phalanx::ops::cudnn {

class Descriptor {
 public:
  Descriptor() = default;  // none
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  [[nodiscard]] bool defined() const { return object_ != nullptr; }
  [[nodiscard]] cudnnBackendDescriptor_t get() const { return object_.get(); }

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, std::int64_t value) { set(name, CUDNN_TYPE_INT64, 1, &value); }
  void set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
    set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
  }
  void set(cudnnBackendAttributeName_t name, bool value) { set(name, CUDNN_TYPE_BOOLEAN, 1, &value); }
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value) { set(name, CUDNN_TYPE_DATA_TYPE, 1, &value); }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values);

  void finalize();
  [[nodiscard]] cudnnStatus_t try_finalize();  // for what cuDNN may refuse

 private:
  std::shared_ptr<void> object_;
};

}  // namespace phalanx::ops::cudnn
