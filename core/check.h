// Errors that say what was expected, what was found, and which knob to turn. Nothing here aborts: everything throws.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace phalanx {

// A failure at run time; the program ends with exit status 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Bad usage, configuration or input named by the user; the program ends with exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// A failure at run time that every rank of the job throws alike, so that rank 0 speaks for all and the job ends in
// order; exit status 1.
class AgreedError : public Error {
 public:
  using Error::Error;
};

// Concatenates its arguments as by operator<<.
template <class... Args>
std::string str(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

// Throws Error("<file>:<line>: <message>").
[[noreturn]] void throw_error(const char* file, int line, std::string_view message);

// Throws UsageError unless the condition holds: for what the user asked.
template <class... Args>
void require_usage(bool holds, const Args&... message) {
  if (!holds) throw UsageError(str(message...));
}

}  // namespace phalanx

// Throws an Error with place and message.
#define FAIL_WITH(...) ::phalanx::throw_error(__FILE__, __LINE__, ::phalanx::str(__VA_ARGS__))

// ENSURE(condition, parts of the message...): throws an Error unless the condition holds. For conditions on input and
// on state alike; never compiled out.
#define ENSURE(condition, ...)                  \
  do {                                          \
    if (!(condition)) [[unlikely]] {            \
      FAIL_WITH(#condition, ": ", __VA_ARGS__); \
    }                                           \
  } while (false)
