// stream_copy: a copy into memory that another core reads next.
#pragma once

#include <cstddef>
#include <cstdint>

namespace phalanx {

// to (64-byte aligned) <- from, past this core's cache: fetching a line out of another core's cache costs several times
// what fetching it from memory or a shared cache does. Complete, for every core, on return.
void stream_copy(std::byte* to, const std::byte* from, std::int64_t bytes);

}  // namespace phalanx
