// Did-you-mean: which known word a mistyped one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace phalanx::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
int edit_distance(std::string_view a, std::string_view b);

// The known key that an unknown "section.name" most likely means; empty when none is near.
std::string nearest_key(std::string_view unknown);
// The known section nearest to an unknown one; empty when none is near.
std::string nearest_section(std::string_view unknown);

// The sections of the field list, in order.
std::vector<std::string_view> section_names();

}  // namespace phalanx::config
