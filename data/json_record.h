// One string field of one JSON record (RFC 8259), found without building the record in memory. Bytes that are not
// UTF-8 pass as they are; a lone surrogate escape becomes U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace phalanx::data {

// Puts the string at top-level key `field` of the object `record` into `value`; of equal keys the last counts. Throws
// Error(reason with column) if `record` is not exactly one well-formed object, or the field is missing (naming the keys
// there are) or not a string.
void extract_json_string(std::string_view record, std::string_view field, std::string& value);

}  // namespace phalanx::data
