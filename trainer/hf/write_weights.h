// The weights of a checkpoint as safetensors files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/hf/place.h"

namespace phalanx::hf {

// Writes the tensors at `places` of manifest.table into the existing `folder`, rounded to `dtype`: model.safetensors,
// or, where that would be larger than `shard_bytes`, model-0000i-of-0000n.safetensors with their index; a tensor is
// never cut. Throws Error naming a tensor with values that `dtype` cannot hold. Memory: one parameter.
void write_weights(const checkpoint::Manifest& manifest, const std::vector<Place>& places, DType dtype,
                   std::int64_t shard_bytes, const std::string& folder);

}  // namespace phalanx::hf
