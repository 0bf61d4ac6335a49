// Sizes that divide, for messages that name what would do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/problems.h"

namespace phalanx::config {

// Divisors of n (> 0) up to `most`, ascending; at most the 12 nearest to `wanted`.
std::vector<std::int64_t> divisors_near(std::int64_t n, std::int64_t wanted, std::int64_t most);

// "1, 2 or 4".
std::string either(const std::vector<std::int64_t>& values);

// Adds a problem that names the sizes that would do unless `part` divides `whole`. Values below 1 are skipped: they
// have a problem of their own.
void require_divides(Problems& problems, const char* whole_key, std::int64_t whole, const char* part_key,
                     std::int64_t part);

}  // namespace phalanx::config
