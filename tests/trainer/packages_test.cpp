// The packages that launch/setup.sh names are those that the program links, and the Dockerfile names none of its own.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "tests/support/program.h"

namespace phalanx {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::set<std::string> lines_of(const std::string& command) {
  std::istringstream in(test::run(command).out);
  std::set<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// Of the libraries that the program asks for by name. dpkg knows a file of /lib under one of two names.
const char* const kOwners =
    "ldd " PHALANX_BINARY " >found; objdump -p " PHALANX_BINARY
    " | awk '$1 == \"NEEDED\" {print $2}' | while read -r name; do "
    "file=$(awk -v name=\"$name\" '$1 == name {print $3}' found); [ -n \"$file\" ] || file=/lib64/$name; "
    "file=$(readlink -f \"$file\"); echo \"$file ${file#/usr}\"; "
    "done | xargs dpkg -S 2>/dev/null | cut -d: -f1 | sort -u";

TEST(Packages, GroupRunIsWhatTheProgramLinks) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a build with sanitizers links more than what is installed";
#endif
  if (!std::filesystem::exists("/usr/bin/dpkg-query") ||
      test::run("grep -q 'VERSION_ID=\"12\"' /etc/os-release").status) {
    GTEST_SKIP() << "names of Debian 12";
  }
  std::set<std::string> owners = lines_of(kOwners);
  owners.insert("openmpi-bin");  // mpirun
  EXPECT_EQ(lines_of(PHALANX_SOURCE_DIR "/launch/setup.sh --list run"), owners);
}

TEST(Packages, DockerfileInstallsBySetupAlone) {
  const std::string file = test::read_file(PHALANX_SOURCE_DIR "/Dockerfile");
  EXPECT_THAT(file, HasSubstr("\nRUN launch/setup.sh build\n"));
  EXPECT_THAT(file, HasSubstr("/launch/setup.sh run hosts "));
  EXPECT_THAT(file, Not(HasSubstr("apt")));
  EXPECT_THAT(file, Not(HasSubstr("dpkg")));
}

TEST(Packages, AnUnknownGroupNamesTheGroups) {
  const test::Outcome o = test::run(PHALANX_SOURCE_DIR "/launch/setup.sh --list nothing");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("unknown group 'nothing'"));
  EXPECT_THAT(o.err, HasSubstr("hosts"));
}

}  // namespace
}  // namespace phalanx
