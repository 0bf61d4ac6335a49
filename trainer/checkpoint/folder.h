// The names in a checkpoints folder, and the renames that make a save appear at once or not at all.
//
//   step_00001000/                        a checkpoint
//   latest -> step_00001000               the one to resume from
//   .step_00001000.tmp-<16 hex digits>/   being written; left over after a crash
//   .step_00001000.old-<…>/               replaced by one of the same step, where folders cannot be exchanged
//   .step_00001000.removed-<…>/           being removed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace phalanx::checkpoint {

std::string step_name(std::int64_t step);                    // "step_00001000"
std::optional<std::int64_t> step_of(std::string_view name);  // nullopt: not such a name

// Hidden name beside the checkpoint of `step`; `use` is "tmp", "old" or "removed".
std::string hidden_name(std::int64_t step, std::string_view use, std::uint64_t nonce);

// Step of a checkpoint that is hidden under a name for "old"; nullopt for any other name.
std::optional<std::int64_t> replaced_step(std::string_view name);

// Removes what crashes left behind; puts back a replaced checkpoint whose replacement never came.
void clean_leftovers(const std::string& checkpoints);

// Makes `temporary` the checkpoint of `step`, durably; one that is there already is replaced. Returns its path.
std::string publish(const std::string& checkpoints, const std::string& temporary, std::int64_t step);

// Points `latest` at the checkpoint of `step`, durably.
void point_latest(const std::string& checkpoints, std::int64_t step);
// Step that `latest` names; nullopt: there is no such link, or it names something else.
std::optional<std::int64_t> latest_step(const std::string& checkpoints);

// Removes the checkpoint of `step`: at every instant it is whole or gone.
void remove_checkpoint(const std::string& checkpoints, std::int64_t step);

}  // namespace phalanx::checkpoint
