// What a checkpoint's layers and heads attend to in a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/attention_probe.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/checkpoint.h"

namespace phalanx {

// The weights of every layer for one sequence of `ids`, which is one document. Throws UsageError for no ids, or more
// than the context. One rank.
AttentionProbe attention_of(const checkpoint::Manifest& manifest, const Runtime& runtime,
                            const std::vector<std::int32_t>& ids);

// One head of one layer, to be shown.
struct AttentionMap {
  int layer = 0;
  std::int64_t head = 0;
  const AttentionProbe::Weights* weights = nullptr;
};
// Those of one layer and head, or of all (-1). Throws UsageError naming --layer or --head, and how many there are.
std::vector<AttentionMap> choose_maps(const AttentionProbe& probe, std::int64_t layer, std::int64_t head);

enum class PictureKind : std::uint8_t { svg, png };

// Draws the maps side by side, a row per layer: queries from top to bottom, keys from left to right, each with its
// token; the darker the larger the weight. Returns the file's bytes. Throws UsageError where the picture would be
// larger than 16,384 pixels on a side.
std::string draw_attention(const std::vector<AttentionMap>& maps, const std::vector<std::string>& tokens,
                           PictureKind kind);

}  // namespace phalanx
