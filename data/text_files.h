// Which files the inputs of `data prepare` and `tokenizer train` stand for, and how each is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/byte_stream.h"

namespace phalanx::data {

enum class TextFormat { plain, jsonl };

struct TextFile {
  std::string path;  // "-": standard input
  TextFormat format = TextFormat::plain;
  Compression compression = Compression::none;
  std::int64_t bytes = 0;  // on disk; 0 for standard input
};

// See TextOptions::inputs and the constructor of TextSource.
std::vector<TextFile> list_text_files(const std::vector<std::string>& inputs);

}  // namespace phalanx::data
