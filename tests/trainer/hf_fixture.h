// Small models with odd sizes as checkpoints of any layout: every weight is a closed formula of its place.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/nonce.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/wordpiece_files.h"
#include "parallel/shard_index.h"
#include "tests/support/temporary_folder.h"
#include "trainer/build.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/save_parts.h"
#include "trainer/config/resolve.h"
#include "trainer/hf/safetensors.h"

namespace phalanx::hf::test {

using phalanx::test::TemporaryFolder;

// `first` special tokens, the 256 bytes, three merges, and `last`, which ends texts if it is the only special one.
inline void write_bpe_folder(const std::string& folder, const std::vector<std::string>& first,
                             const std::string& last) {
  std::filesystem::create_directories(folder);
  data::BpeModel model;
  const auto add_special = [&](const std::string& text) {
    model.specials.push_back({text, static_cast<data::TokenId>(model.tokens.size())});
    model.tokens.push_back(text);
  };
  for (const std::string& text : first) add_special(text);
  for (const std::uint8_t byte : data::alphabet_order()) model.tokens.emplace_back(1, static_cast<char>(byte));
  const auto id = [&](const std::string& text) {
    return static_cast<data::TokenId>(std::ranges::find(model.tokens, text) - model.tokens.begin());
  };
  for (const auto& [left, right] : {std::pair{"t", "h"}, {"th", "e"}, {" ", "the"}}) {
    model.merges.push_back({id(left), id(right), static_cast<data::TokenId>(model.tokens.size())});
    model.tokens.push_back(std::string(left) + right);
  }
  if (first.empty()) model.end_of_text = static_cast<data::TokenId>(model.tokens.size());
  add_special(last);
  data::write_bpe_files(model, folder);
}

// 260 tokens.
inline void write_tokenizer_folder(const std::string& folder) { write_bpe_folder(folder, {}, "<|endoftext|>"); }

// RoBERTa's: <pad> is 1, as there.
inline void write_roberta_folder(const std::string& folder) {
  write_bpe_folder(folder, {"<s>", "<pad>", "</s>", "<unk>"}, "<mask>");
}

// BERT's, of a few letters; [PAD] is 2.
inline void write_wordpiece_folder(const std::string& folder) {
  std::filesystem::create_directories(folder);
  data::WordPieceModel model;
  model.text = {.lower_case = true, .strip_accents = false, .space_ideographs = true};
  model.tokens = {"[UNK]", "a", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "##a", "##b", "b", "ab", "##ab", "."};
  model.unknown = 0;
  data::write_wordpiece_files(model, folder);
}

using WriteTokenizer = void (*)(const std::string& folder);

inline config::Config odd_config() {
  config::Config config;
  config.model = {.layers = 3,
                  .hidden = 12,
                  .heads = 4,
                  .ffn = {22},
                  .context = 11,
                  .vocabulary = {263},
                  .dropout = 0.25,
                  .attention_dropout = 0.125,
                  .activation = "gelu_erf",
                  .init_std = 0.03};
  return config::resolve_sizes(config, 1);
}

// Element `global` of parameter `spec`, row-major; gains are about 1.
inline float value_of(const ParamSpec& spec, std::size_t index, std::int64_t global) {
  const double base = spec.init == Init::ones ? 1.0 : 0.0;
  return static_cast<float>(base +
                            0.2 * std::sin(1.7 * static_cast<double>(global) + 0.9 * static_cast<double>(index)));
}

using Value = float (*)(const ParamSpec& spec, std::size_t index, std::int64_t global);

// Plays all ranks of a layout and commits step 5; weights alone. Returns the checkpoint's folder.
inline std::string make_checkpoint(const TemporaryFolder& folder, const config::Config& config, int data_ranks = 1,
                                   int tensor_ranks = 1, Value value = value_of,
                                   WriteTokenizer write_tokenizer = write_tokenizer_folder) {
  write_tokenizer(folder / "tokenizer");
  const std::string checkpoints = folder / str("checkpoints_", data_ranks, "_", tensor_ranks);
  checkpoint::SaveTarget target{
      checkpoints, 5, checkpoints + "/" + checkpoint::hidden_name(5, "tmp", random_nonce()), {}};
  std::filesystem::create_directories(target.temporary);
  const ParamTable table = make_network(network_options(config))->parameters().table;
  std::unique_ptr<ParamLayout> layout;
  for (int rank = 0; rank < data_ranks * tensor_ranks; ++rank) {
    const int t = rank % tensor_ranks;
    layout = std::make_unique<ParamLayout>(table, TensorShards{tensor_ranks, t, 1}, data_ranks, 100);
    std::vector<float> master(static_cast<std::size_t>(layout->own_count()), -7.0F);
    for (const OwnedPiece& p : layout->owned_pieces(rank / tensor_ranks, t)) {
      const auto s = static_cast<std::size_t>(p.spec);
      for (std::int64_t i = 0; i < p.count; ++i) {
        const std::int64_t global = global_index(table[s], p.shard, p.shard_count, p.begin + i);
        master[static_cast<std::size_t>(p.own_offset + i)] = global < 0 ? 0.0F : value(table[s], s, global);
      }
    }
    checkpoint::OwnedState state;
    state.layout = layout.get();
    state.part = rank / tensor_ranks;
    state.tensor_rank = t;
    state.master = host_tensor(master.data(), {layout->own_count()});
    target.writers.push_back(rank);
    checkpoint::write_part(target, rank, state);
  }
  checkpoint::Provenance provenance;
  provenance.config_yaml = config::to_yaml(config);
  provenance.tokenizer_folder = folder / "tokenizer";
  provenance.tokenizer_digest = data::load_tokenizer(folder / "tokenizer")->digest();
  checkpoint::Progress progress;
  progress.step = 5;
  return checkpoint::commit(target, progress, provenance, *layout, false);
}

inline nlohmann::json read_json_file(const std::string& path) {
  return nlohmann::json::parse(read_text(path, std::int64_t{1} << 24));
}

// Bytes of all tensors of a file by name, "transformer." left out.
inline std::map<std::string, std::string> tensor_bytes(const std::string& path) {
  const SafetensorsFile file(path);
  std::map<std::string, std::string> all;
  for (const TensorInfo& tensor : file.tensors()) {
    std::string bytes(static_cast<std::size_t>(tensor.end - tensor.begin), '\0');
    file.read(bytes.data(), tensor, 0, tensor.end - tensor.begin);
    const std::string prefix = "transformer.";
    const bool prefixed = tensor.name.starts_with(prefix);
    all[prefixed ? tensor.name.substr(prefix.size()) : tensor.name] = tensor.dtype + bytes;
  }
  return all;
}

// A safetensors file to write, tensor by tensor.
struct Draft {
  struct Item {
    TensorInfo info;
    std::string bytes;
  };
  std::vector<Item> items;

  static Draft of(const std::string& path) {
    Draft draft;
    const SafetensorsFile file(path);
    for (const TensorInfo& tensor : file.tensors()) {
      std::string bytes(static_cast<std::size_t>(tensor.end - tensor.begin), '\0');
      file.read(bytes.data(), tensor, 0, tensor.end - tensor.begin);
      draft.items.push_back({tensor, bytes});
    }
    return draft;
  }
  Item& find(const std::string& name) {
    for (Item& item : items) {
      if (item.info.name == name) return item;
    }
    throw Error("no tensor " + name);
  }
  void write(const std::string& path) const {
    std::vector<TensorInfo> infos;
    for (const Item& item : items) infos.push_back(item.info);
    SafetensorsWriter writer(path, infos);
    for (const Item& item : items) writer.append(item.bytes.data(), static_cast<std::int64_t>(item.bytes.size()));
    writer.finish();
  }
};

}  // namespace phalanx::hf::test
