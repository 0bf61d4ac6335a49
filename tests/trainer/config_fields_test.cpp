// The field list: complete, documented, and the source of YAML, differences and did-you-mean.
#include "trainer/config/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "trainer/config/load.h"
#include "trainer/config/nearest.h"
#include "trainer/config/resolve.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

using ::testing::ElementsAre;

TEST(ConfigFields, EveryKeyIsDocumentedAndUnique) {
  std::set<std::string_view> seen;
  for (const Field& field : fields()) {
    EXPECT_TRUE(seen.insert(field.key).second) << field.key;
    EXPECT_EQ(std::count(field.key.begin(), field.key.end(), '.'), 1) << field.key;
    EXPECT_GE(field.meaning.size(), 5U) << field.key;
    EXPECT_FALSE(type_text(field).empty());
  }
  EXPECT_THAT(section_names(), ElementsAre("run", "model", "objective", "data", "parallel", "training", "optimizer",
                                           "schedule", "evaluation", "checkpoint", "metrics"));
}

TEST(ConfigFields, EveryDefaultIsWithinItsOwnLimits) {
  for (const Field& field : fields()) EXPECT_EQ(problem_of_value(field, Config{}), std::nullopt) << field.key;
}

// A member that two keys share, or none, would show here: each key changes the config, and all changes differ.
TEST(ConfigFields, EveryKeyReachesAMemberOfItsOwn) {
  std::set<std::string> results;
  for (const Field& field : fields()) {
    Config c;
    std::visit(
        [&]<class T>(const Access<T>& access) {
          T& value = access.get(c);
          EXPECT_EQ(&value, &access.read(c));
          if constexpr (std::is_same_v<T, bool>)
            value = !value;
          else if constexpr (std::is_same_v<T, std::string>)
            value = "changed";
          else if constexpr (std::is_same_v<T, AutoInt>)
            value.value = 77;
          else if constexpr (std::is_same_v<T, std::vector<Source>>)
            value.push_back({"changed", 2.0});
          else if constexpr (std::is_same_v<T, std::vector<Phase>>)
            value.push_back({.steps = 7, .learning_rate = 0.25});
          else if constexpr (std::is_same_v<T, BatchRamp>)
            value = {.from = 2, .to = 4, .steps = 3};
          else
            value = static_cast<T>(value + 1);
        },
        field.access);
    EXPECT_FALSE(c == Config{}) << field.key;
    const auto differences = diff(Config{}, c);
    ASSERT_EQ(differences.size(), 1U) << field.key;
    EXPECT_EQ(differences[0].key, field.key);
    EXPECT_TRUE(results.insert(to_yaml(c)).second) << field.key;
  }
}

TEST(ConfigFields, ResolvedYamlLoadsBackEqual) {
  Config c;
  c.run.name = "odd \"name\" \\ with: {all} #of, [it] \t\n\x01 – ü";
  c.run.output = "./runs/1";
  c.data.train = {{"a b", 0.1}, {"true", 1e-300}, {"it's", 3.0000000000000004}};
  c.data.validation = "null";
  c.run.seed = 0xFFFFFFFFFFFFFFFFULL;
  c.model.ffn.value = 123;
  c.optimizer.learning_rate = 0.1 + 0.2;
  c.optimizer.epsilon = 1e-8;
  const std::string yaml = to_yaml(c);
  EXPECT_EQ(parse(yaml, "resolved", {}), c) << yaml;
  EXPECT_EQ(to_yaml(parse(yaml, "resolved", {})), yaml);
}

TEST(ConfigFields, TextThatYamlCouldMisreadIsQuoted) {
  for (const char* text :
       {"",   "~",  "null", "true", "No", "1",  "-1", "1e5", ".nan", "auto", "- a",   "a: b",   "#x", "&a",
        "*a", "!t", "%d",   "@x",   "'",  "\"", "|",  ">",   "{",    "]",    " lead", "trail ", "<<", "---"}) {
    Config c;
    c.run.name = text;
    EXPECT_EQ(parse(to_yaml(c), "resolved", {}).run.name, text);
  }
}

TEST(ConfigFields, NumbersPrintShortestAndExact) {
  EXPECT_EQ(number_text(1.0), "1.0");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(1e-8), "1e-08");
  EXPECT_EQ(number_text(0.30000000000000004), "0.30000000000000004");
}

TEST(ConfigFields, DiffNamesOldAndNew) {
  Config a, b;
  b.training.steps = 5;
  b.parallel.data.value = 2;
  const auto differences = diff(a, b);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].key, "parallel.data");
  EXPECT_EQ(differences[0].old_value, "auto");
  EXPECT_EQ(differences[0].new_value, "2");
  EXPECT_EQ(differences[1].key, "training.steps");
  EXPECT_TRUE(diff(b, b).empty());
}

TEST(ConfigFields, ResolvingFillsWhatFollows) {
  Config c;
  c.model.hidden = 96;
  c.parallel.tensor = 2;
  const Config resolved = resolve_sizes(c, 8);
  EXPECT_EQ(resolved.model.ffn.value, 384);
  EXPECT_EQ(resolved.parallel.data.value, 4);
  EXPECT_TRUE(resolved.model.vocabulary.is_auto());
}

TEST(ConfigNearest, EditDistanceCountsInsertDeleteReplaceAndSwap) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("stpes", "steps"), 1);
  EXPECT_EQ(edit_distance("ab", "ba"), 1);
}

TEST(ConfigNearest, EveryKeyIsFoundAfterATypo) {
  for (const Field& field : fields()) {
    std::string typo(field.key);
    typo += 's';
    EXPECT_EQ(nearest_key(typo), field.key);
  }
}

TEST(ConfigNearest, NothingIsNearToNonsense) {
  EXPECT_EQ(nearest_key("training.qqqqqqqqqqqq"), "");
  EXPECT_EQ(nearest_section("zzzzzzzzz"), "");
}

}  // namespace
}  // namespace phalanx::config
