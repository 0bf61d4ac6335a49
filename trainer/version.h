// What this program is made of.
#pragma once

#include <string>
#include <string_view>

namespace phalanx {

[[nodiscard]] std::string_view program_version();  // "0.1.0"
// Abbreviated commit, "+" appended when the tree had changes; "unknown" outside a git checkout.
[[nodiscard]] std::string_view source_commit();

// The text of `phalanx --version`: version, commit, compiler, libraries. Needs no MPI start.
[[nodiscard]] std::string version_text();

}  // namespace phalanx
