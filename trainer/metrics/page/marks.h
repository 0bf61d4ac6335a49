// Marks: what happened besides steps, in a bounded list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace phalanx {

enum class MarkKind : std::uint8_t { validation, checkpoint, resume, skip };
inline constexpr std::array<const char*, 4> kMarkNames = {"validation", "checkpoint", "resume", "skip"};

struct Mark {
  MarkKind kind = MarkKind::validation;
  std::int64_t step = 0;
  double time = 0;
  double value = 0;          // loss, seconds, nothing, loss scale
  std::int64_t ordinal = 0;  // of its kind, from 0; set by Marks
};

class Marks {
 public:
  static constexpr std::size_t kMost = 1000;

  // True when earlier ones were dropped, so that what was read by position must be read again. From the kind that has
  // most, every second one goes, so that those of one kind stay evenly spread.
  bool add(Mark mark);

  [[nodiscard]] const std::vector<Mark>& kept() const { return kept_; }
  [[nodiscard]] std::int64_t count(MarkKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const std::optional<Mark>& last(MarkKind kind) const { return last_[static_cast<std::size_t>(kind)]; }

 private:
  void thin();

  std::vector<Mark> kept_;
  std::array<std::int64_t, kMarkNames.size()> counts_{};
  std::array<std::int64_t, kMarkNames.size()> strides_{1, 1, 1, 1};  // every so many-th of a kind is kept
  std::array<std::optional<Mark>, kMarkNames.size()> last_;
};

}  // namespace phalanx
