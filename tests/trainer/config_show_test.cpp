// `config show` lists every key with its value, default, unit and meaning.
#include "trainer/config/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "trainer/config/fields.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Lines of the page by full key.
std::map<std::string, std::string> lines_of(const std::string& page) {
  std::map<std::string, std::string> lines;
  std::istringstream in(page);
  std::string line, section;
  std::getline(in, line);  // the titles
  while (std::getline(in, line)) {
    if (line[0] != ' ')
      section = line;
    else
      lines[section + "." + line.substr(2, line.find(' ', 2) - 2)] = line;
  }
  return lines;
}

TEST(ConfigShow, ListsEveryKeyWithValueDefaultUnitAndMeaning) {
  Config c;
  c.training.steps = 77;
  const auto lines = lines_of(show(c));
  EXPECT_EQ(lines.size(), fields().size());
  for (const Field& field : fields()) {
    ASSERT_TRUE(lines.contains(std::string(field.key))) << field.key;
    const std::string& line = lines.at(std::string(field.key));
    EXPECT_THAT(line, AllOf(HasSubstr(value_text(field, c)), HasSubstr(value_text(field, Config{})),
                            HasSubstr(std::string(field.unit)), HasSubstr(std::string(field.meaning))));
    for (const std::string_view choice : field.limits.choices) EXPECT_THAT(line, HasSubstr(std::string(choice)));
  }
  EXPECT_THAT(lines.at("parallel.sequence"), HasSubstr("not available"));
  EXPECT_THAT(lines.at("training.recompute"), Not(HasSubstr("available")));
  EXPECT_THAT(lines.at("training.steps"), AllOf(HasSubstr(" 77 "), HasSubstr(" 1000 ")));
}

}  // namespace
}  // namespace phalanx::config
