// --version names the program and what it is made of.
#include "trainer/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace phalanx {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Version, NamesCommitCompilerAndEveryLibrary) {
  const std::string text = version_text();
  for (const char* name :
       {"phalanx 0.", "commit", "GNU", "Open MPI", "HDF5 1.", "oneDNN ", "civetweb 1.", "yaml-cpp 0.",
        "prometheus-cpp 1.", "CLI11 2.", "spdlog 1.", "nlohmann-json 3.", "ICU ", "zlib 1.", "zstd 1."}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
  EXPECT_THAT(text, Not(HasSubstr("@")));
}

TEST(Version, CommitIsAHashOrUnknown) {
  EXPECT_THAT(std::string(source_commit()), MatchesRegex("unknown|[0-9a-f]+\\+?"));
}

}  // namespace
}  // namespace phalanx
