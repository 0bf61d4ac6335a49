// Small models and states for checkpoint tests: every element's value says which element it is, and all ranks of a
// layout can be played in one process.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/nonce.h"
#include "core/param_spec.h"
#include "parallel/comm_self.h"
#include "parallel/shard_index.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/save_parts.h"

namespace phalanx::checkpoint::test {

// Odd sizes, every split, a vocabulary that is no multiple of 128 and that leaves some shards of 4 without true rows.
inline ParamTable odd_table() {
  return {{.name = "embedding", .shape = {130, 9}, .split = Split::rows, .vocabulary = true},
          {.name = "positions", .shape = {7, 9}},
          {.name = "qkv", .shape = {3, 4, 5, 9}, .split = Split::heads},
          {.name = "down", .shape = {9, 12}, .split = Split::columns},
          {.name = "up", .shape = {12, 9}, .split = Split::rows},
          {.name = "gamma", .shape = {9}}};
}

// A bit pattern for element `global` of a tensor; all kinds of floats occur, NaNs with payloads and denormals too.
inline float value_of(std::size_t tensor, int kind, std::int64_t global) {
  const auto x = static_cast<std::uint64_t>(global + 1) * 0x9E3779B97F4A7C15ULL + tensor * 1000003 + kind * 77773;
  const auto bits = static_cast<std::uint32_t>(x >> 32);
  constexpr std::uint32_t kSpecial[] = {0x7F800000, 0xFF800000, 0x7FC12345, 0x00000001, 0x80000000, 0x807FFFFF};
  return std::bit_cast<float>(global % 11 == 3 ? kSpecial[x % 6] : bits);
}

// One rank of a layout, with its state.
class RankState {
 public:
  RankState(const ParamTable& table, int data_ranks, int tensor_ranks, int data_rank, int tensor_rank,
            std::int64_t bucket_elements, int shards_per_rank = 1)
      : layout_(table, {tensor_ranks * shards_per_rank, tensor_rank * shards_per_rank, shards_per_rank}, data_ranks,
                bucket_elements),
        values_(3, std::vector<float>(static_cast<std::size_t>(layout_.own_count()), -7.0F)) {
    state_.layout = &layout_;
    state_.part = data_rank;
    state_.tensor_rank = tensor_rank;
    state_.master = host_tensor(values_[0].data(), {layout_.own_count()});
    state_.m = host_tensor(values_[1].data(), {layout_.own_count()});
    state_.v = host_tensor(values_[2].data(), {layout_.own_count()});
  }
  RankState(const RankState&) = delete;
  RankState& operator=(const RankState&) = delete;

  OwnedState& state() { return state_; }
  [[nodiscard]] const ParamLayout& layout() const { return layout_; }
  const std::vector<float>& values(int kind) const { return values_[static_cast<std::size_t>(kind)]; }

  // Own elements with what they must be: value_of for true elements, zero for vocabulary padding.
  struct Expected {
    std::size_t own = 0;
    float value = 0;
  };
  [[nodiscard]] std::vector<Expected> expected(int kind) const {
    std::vector<Expected> all;
    for (const OwnedPiece& p : layout_.owned_pieces(state_.part, state_.tensor_rank)) {
      const auto spec = static_cast<std::size_t>(p.spec);
      for (std::int64_t i = 0; i < p.count; ++i) {
        const std::int64_t global = global_index(layout_.table()[spec], p.shard, p.shard_count, p.begin + i);
        all.push_back({static_cast<std::size_t>(p.own_offset + i), global < 0 ? 0.0F : value_of(spec, kind, global)});
      }
    }
    return all;
  }
  void fill() {
    for (int kind = 0; kind < 3; ++kind) {
      for (const Expected& e : expected(kind)) values_[static_cast<std::size_t>(kind)][e.own] = e.value;
    }
  }
  // Elements whose bits differ from what they must be.
  [[nodiscard]] int differences(int kind) const {
    int count = 0;
    for (const Expected& e : expected(kind)) {
      const float found = values(kind)[e.own];
      count += std::bit_cast<std::uint32_t>(found) != std::bit_cast<std::uint32_t>(e.value) ? 1 : 0;
    }
    return count;
  }
  // Elements between pieces that are not zero.
  [[nodiscard]] int nonzero_gaps(int kind) const {
    std::vector<float> gaps = values(kind);
    for (const Expected& e : expected(kind)) gaps[e.own] = 0.0F;
    return static_cast<int>(std::count_if(gaps.begin(), gaps.end(), [](float x) { return x != 0.0F; }));
  }

 private:
  ParamLayout layout_;
  std::vector<std::vector<float>> values_;
  OwnedState state_;
};

inline Progress progress_at(std::int64_t step) {
  return {.step = step,
          .sequences_consumed = step * 32,
          .tokens_consumed = step * 4096,
          .adam_t = step - 1,
          .loss_scale = 1024.0,
          .loss = 0.1 + 0.2,
          .phase = 1,
          .digest = StateDigest{0x0123456789abcdef, ~std::uint64_t{0}, 0}};
}

inline Provenance provenance() {
  Provenance p;
  p.config_yaml = "run: {name: odd}\n";
  p.tokenizer_digest = "abc";
  p.data_digest = "def";
  p.precision = "bf16";
  return p;
}

// Plays all ranks of a layout in one process, one after the other, and commits.
inline std::string save_all(const std::string& checkpoints, std::int64_t step, const ParamTable& table, int data_ranks,
                            int tensor_ranks, std::int64_t bucket_elements, int shards_per_rank = 1,
                            const Provenance& made = provenance()) {
  SaveTarget target{checkpoints, step, checkpoints + "/" + hidden_name(step, "tmp", random_nonce()), {}};
  std::filesystem::create_directories(target.temporary);
  std::unique_ptr<RankState> rank;
  for (int d = 0; d < data_ranks; ++d) {
    for (int t = 0; t < tensor_ranks; ++t) {
      rank = std::make_unique<RankState>(table, data_ranks, tensor_ranks, d, t, bucket_elements, shards_per_rank);
      rank->fill();
      target.writers.push_back(d * tensor_ranks + t);
      write_part(target, target.writers.back(), rank->state());
    }
  }
  return commit(target, progress_at(step), made, *rank->state().layout, true);
}

// By one rank alone.
inline std::optional<std::string> find_latest(const std::string& checkpoints) {
  const std::unique_ptr<Communicator> self = make_self_communicator("self");
  return checkpoint::find_latest(checkpoints, *self);
}

// A folder of its own for each test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("phalanx_checkpoint_" + std::to_string(random_nonce()))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace phalanx::checkpoint::test
