// How hdf5_*.cpp call libhdf5: a negative result becomes an Error with the innermost message of libhdf5's error stack.
#pragma once

#include <string>
#include <string_view>

namespace phalanx::data {

// Stops libhdf5 from printing errors by itself; the setting belongs to the calling thread.
void hdf5_quiet();

// Throws Error("<where>: <what>: <libhdf5's message>").
[[noreturn]] void throw_hdf5_error(std::string_view where, std::string_view what);

// Returns `result` unless it is negative.
template <class T>
T hdf5_ok(T result, const std::string& where, std::string_view what) {
  if (result < 0) throw_hdf5_error(where, what);
  return result;
}

}  // namespace phalanx::data
