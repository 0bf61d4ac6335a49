// Where a long document may be cut without changing its tokens, and what counts as text.
#pragma once

#include <string_view>

namespace phalanx::data {

// The last place in (0, `limit`] where `text` may be cut (see TextPiece), else the first one behind `limit`, else
// `text.size()` + 1. Looks only at places from `from` on.
std::size_t find_cut(std::string_view text, std::size_t from, std::size_t limit);

// Nothing but ASCII white space.
bool is_blank(std::string_view text);

}  // namespace phalanx::data
