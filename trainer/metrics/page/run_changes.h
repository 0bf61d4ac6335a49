// What a page asks for again and again: the part of a history that it has not seen.
#pragma once

#include <string>
#include <string_view>

#include "trainer/metrics/page/run_history.h"

namespace phalanx {

// A JSON object with what is new since `cursor`, the "cursor" of the last answer; "" or anything unknown: everything.
// docs/metrics.md lists its keys. Numbers of bins are rounded to 7 digits.
std::string changes_since(const RunHistory& history, std::string_view cursor);

}  // namespace phalanx
