// Numbers as people read them on a console.
#pragma once

#include <string>

namespace phalanx {

std::string format_fixed(double value, int decimals);   // "8.2134"; "nan", "inf"
std::string format_count(double value);                 // "1,234,567"
std::string format_si(double value, const char* unit);  // "158.9 GFLOP/s"
std::string format_seconds(double seconds);             // "652 ms", "12.3 s": one step
std::string format_duration(double seconds);            // "2 m 36 s", "3 h 05 m", "4 d 07 h"
std::string align_right(const std::string& text, std::size_t width);

}  // namespace phalanx
