// Loading: what is accepted, and that every mistake is named with its line and the nearest known key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/check.h"
#include "trainer/config/fields.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Config from(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return parse(yaml, "test.yaml", overrides);
}

// All problems, a line each; empty when it loads.
std::string problems_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    from(yaml, overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigLoad, EmptyFileGivesTheDefaults) {
  EXPECT_EQ(from(""), Config{});
  EXPECT_EQ(from("# only a comment\n"), Config{});
  EXPECT_EQ(from("run:\nmodel:\n"), Config{});
}

TEST(ConfigLoad, ReadsEveryType) {
  const Config c = from(R"(
run: {name: "x y", seed: 18446744073709551615}
model: {layers: 3, ffn: 96, dropout: 1e-1, tie_embeddings: false}
data: {train: [{path: a, weight: 0.25}, {path: b}], validation: ""}
optimizer: {learning_rate: +1.5, beta1: 0}
)");
  EXPECT_EQ(c.run.name, "x y");
  EXPECT_EQ(c.run.seed, 18446744073709551615ULL);
  EXPECT_EQ(c.model.layers, 3);
  EXPECT_EQ(c.model.ffn.value, 96);
  EXPECT_EQ(c.model.dropout, 0.1);
  EXPECT_FALSE(c.model.tie_embeddings);
  ASSERT_EQ(c.data.train.size(), 2U);
  EXPECT_EQ(c.data.train[0], (Source{"a", 0.25}));
  EXPECT_EQ(c.data.train[1], (Source{"b", 1.0}));
  EXPECT_EQ(c.optimizer.learning_rate, 1.5);
  EXPECT_EQ(c.optimizer.beta1, 0.0);
}

TEST(ConfigLoad, AutoIsReadAndOtherWordsAreNot) {
  EXPECT_TRUE(from("parallel: {data: auto}").parallel.data.is_auto());
  EXPECT_EQ(from("parallel: {data: 4}").parallel.data.value, 4);
  EXPECT_THAT(problems_of("parallel: {data: many}"), HasSubstr("parallel.data must be integer or auto, found many"));
  EXPECT_THAT(problems_of("parallel: {data: -1}"), HasSubstr("parallel.data must be integer or auto, found -1"));
  EXPECT_THAT(problems_of("parallel: {data: 0}"), HasSubstr("parallel.data must be auto or from 1 to"));
}

TEST(ConfigLoad, UnknownKeyNamesFileLineAndNearest) {
  EXPECT_EQ(problems_of("training:\n  stpes: 5\n"),
            "test.yaml:2: unknown key training.stpes; nearest known key: training.steps");
}

TEST(ConfigLoad, KeyInTheWrongSectionNamesTheRightOne) {
  EXPECT_THAT(problems_of("training: {learning_rate: 1}"), HasSubstr("nearest known key: optimizer.learning_rate"));
}

TEST(ConfigLoad, KeyThatIsLikeNoneListsTheSection) {
  EXPECT_THAT(problems_of("schedule: {zzzzzzzzzzzz: 1}"), HasSubstr("schedule has type, warmup_steps"));
}

TEST(ConfigLoad, UnknownSectionNamesNearest) {
  EXPECT_THAT(problems_of("modle: {}"), HasSubstr("test.yaml:1: unknown section modle; nearest known section: model"));
  EXPECT_THAT(problems_of("steps: 5"), HasSubstr("nearest known key: training.steps"));
  EXPECT_THAT(problems_of("training.steps: 5"), HasSubstr("write it as training: {steps: ...}"));
  EXPECT_THAT(problems_of("qqqqqqqq: 5"), HasSubstr("sections are run, model, objective"));
}

TEST(ConfigLoad, AllProblemsAreListedAtOnceWithTheirLines) {
  const std::string problems = problems_of(R"(run:
  name: [a]
  seed: -1
model:
  layers: 1.5
  heads: "4"
  colour: red
training: 7
optimizer:
  beta1: 1.0
  type: sgd
metrics:
  per_rank: yes
)");
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n') + 1, 9) << problems;
  EXPECT_THAT(problems, AllOf(HasSubstr("test.yaml:2: run.name must be text, found a list"),
                              HasSubstr("test.yaml:3: run.seed must be integer, found -1"),
                              HasSubstr("test.yaml:5: model.layers must be integer, found 1.5"),
                              HasSubstr("test.yaml:6: model.heads must be integer, found the text \"4\""),
                              HasSubstr("test.yaml:7: unknown key model.colour")));
  EXPECT_THAT(problems, AllOf(HasSubstr("test.yaml:8: training must be a section of keys, found 7"),
                              HasSubstr("test.yaml:10: optimizer.beta1 must be from 0.0 to below 1.0, found 1.0"),
                              HasSubstr("test.yaml:11: optimizer.type must be one of adamw, lamb, found sgd"),
                              HasSubstr("test.yaml:13: metrics.per_rank must be true or false, found yes")));
}

TEST(ConfigLoad, DuplicatesAreRefusedWithBothLines) {
  EXPECT_THAT(problems_of("run: {seed: 1}\nmodel: {}\nrun: {seed: 2}\n"),
              HasSubstr("test.yaml:3: run is given twice; first in line 1"));
  EXPECT_THAT(problems_of("run:\n  seed: 1\n  seed: 1\n"),
              HasSubstr("test.yaml:3: run.seed is given twice; first in line 2"));
}

TEST(ConfigLoad, SyntaxErrorsNameTheLine) {
  EXPECT_THAT(problems_of("run:\n  name: [a\nmodel: {}\n"), HasSubstr("test.yaml:3: this is not YAML"));
  EXPECT_THAT(problems_of("run:\n\tname: a\n"), HasSubstr("test.yaml:2: this is not YAML"));
  EXPECT_THAT(problems_of("a: &x 1\nb: *y\n"), HasSubstr("this is not YAML"));
}

TEST(ConfigLoad, DocumentsThatAreNoConfigurationAreRefused) {
  EXPECT_THAT(problems_of("- a\n- b\n"), HasSubstr("a configuration is sections of keys, found a list"));
  EXPECT_THAT(problems_of("hello"), HasSubstr("sections of keys, found hello"));
  EXPECT_THAT(problems_of("run: {seed: 1}\n---\nrun: {seed: 2}\n"), HasSubstr("one YAML document"));
  EXPECT_THAT(problems_of("? [a, b]\n: 1\n"), HasSubstr("a key must be a name, found a list"));
}

TEST(ConfigLoad, EmptyValueOfATextKeyIsRefusedInAFile) {
  EXPECT_THAT(problems_of("data:\n  validation:\n"), HasSubstr("data.validation must be text, found nothing"));
}

TEST(ConfigLoad, SourcesAreCheckedOneByOne) {
  EXPECT_THAT(problems_of("data: {train: datasets/kjv}"), HasSubstr("list of {path, weight}, found datasets/kjv"));
  EXPECT_THAT(problems_of("data:\n  train:\n  - {path: a}\n  - {weight: 1}\n"),
              HasSubstr("test.yaml:4: data.train has an entry without path"));
  EXPECT_THAT(problems_of("data: {train: [a]}"), HasSubstr("found a in it"));
  EXPECT_THAT(problems_of("data: {train: [{path: a, wieght: 1}]}"), HasSubstr("unknown key wieght"));
  EXPECT_THAT(problems_of("data: {train: [{path: a, weight: heavy}]}"), HasSubstr("weight must be a number"));
  EXPECT_THAT(problems_of("data: {train: [{path: a, path: b}]}"), HasSubstr("path twice"));
  EXPECT_THAT(problems_of("data: {train: [{path: a, weight: 0}]}"), HasSubstr("weights above 0, found 0.0 for a"));
  EXPECT_THAT(problems_of("data: {train: [{path: [a]}]}"), HasSubstr("path must be text, found a list"));
}

TEST(ConfigLoad, NumbersThatAreNotFiniteOrTooLargeAreRefused) {
  EXPECT_THAT(problems_of("optimizer: {learning_rate: .inf}"), HasSubstr("must be number, found .inf"));
  EXPECT_THAT(problems_of("optimizer: {learning_rate: nan}"), HasSubstr("must be number, found nan"));
  EXPECT_THAT(problems_of("optimizer: {learning_rate: 1e999}"), HasSubstr("must be number, found 1e999"));
  EXPECT_THAT(problems_of("training: {steps: 99999999999999999999}"), HasSubstr("must be integer"));
  EXPECT_THAT(problems_of("training: {steps: 9000000000000000000}"), HasSubstr("must be from 1 to"));
}

TEST(ConfigLoad, SetOverridesAnyKeyAndTheLastOneWins) {
  const Config c = from("training: {steps: 5}", {"training.steps=6", "training.steps=7", "data.train=[{path: p}]",
                                                 "metrics.prometheus=", "run.name=a=b", "parallel.data=auto"});
  EXPECT_EQ(c.training.steps, 7);
  ASSERT_EQ(c.data.train.size(), 1U);
  EXPECT_EQ(c.data.train[0].path, "p");
  EXPECT_EQ(c.metrics.prometheus, "");
  EXPECT_EQ(c.run.name, "a=b");
}

TEST(ConfigLoad, EveryKeyCanBeSetToItsOwnDefault) {
  for (const Field& field : fields()) {
    const std::string assignment = str(field.key, "=", value_text(field, Config{}));
    EXPECT_EQ(problems_of("", {assignment}), "") << assignment;
  }
}

TEST(ConfigLoad, MistakesInSetAreNamed) {
  EXPECT_EQ(problems_of("", {"training.stpes=5"}),
            "--set training.stpes=5: unknown key training.stpes; nearest known key: training.steps");
  EXPECT_THAT(problems_of("", {"training.steps"}), HasSubstr("expected key.path=value"));
  EXPECT_THAT(problems_of("", {"=5"}), HasSubstr("expected key.path=value"));
  EXPECT_THAT(problems_of("", {"training.steps=many"}), HasSubstr("training.steps must be integer, found many"));
  EXPECT_THAT(problems_of("", {"training=5"}), HasSubstr("training is a section"));
  EXPECT_THAT(problems_of("", {"steps=5"}), HasSubstr("nearest known key: training.steps"));
  EXPECT_THAT(problems_of("", {"data.train=[{path: a"}), HasSubstr("the value is not YAML"));
  EXPECT_THAT(problems_of("run: {sed: 1}", {"run.sed=2"}), AllOf(HasSubstr("test.yaml:1:"), HasSubstr("--set")));
}

TEST(ConfigLoad, MissingFileAndFolderAreNamed) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      load(path, {});
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message("/no/such.yaml"), AllOf(HasSubstr("/no/such.yaml"), HasSubstr("No such file")));
  EXPECT_THAT(message("/tmp"), HasSubstr("is a folder"));
  EXPECT_THAT(message("/dev/zero"), HasSubstr("larger than 256 KiB"));
}

TEST(ConfigLoad, HostileTextEndsInAMessage) {
  const std::string deep(5000, '[');
  EXPECT_THAT(problems_of("run: {name: " + deep), HasSubstr("test.yaml"));
  EXPECT_THAT(problems_of("run: " + std::string(5000, '{')), HasSubstr("test.yaml"));
  EXPECT_THAT(problems_of("run: &x {name: *x}"), HasSubstr("run.name must be text"));
  EXPECT_THAT(problems_of(std::string("\0\1\2\xff\xfe", 5)), HasSubstr("test.yaml"));
  EXPECT_THAT(problems_of("run: {" + std::string(100000, 'x') + ": 1}"), HasSubstr("test.yaml:1"));
  EXPECT_LT(problems_of("run:\n  ? " + std::string(100000, 'x') + "\n  : 1\n").size(), 500U);
  std::string laughs = "a: &a [x]\n";
  for (char c = 'b'; c < 'n'; ++c) {
    laughs += str(c, ": &", c, " [");
    for (int i = 0; i < 20; ++i) laughs += str("*", static_cast<char>(c - 1), ", ");
    laughs += "x]\n";
  }
  EXPECT_THAT(problems_of(laughs), HasSubstr("unknown section a"));
}

TEST(ConfigLoad, CutAndFlippedFilesNeverCrash) {
  const std::string whole = to_yaml(Config{});
  for (std::size_t length = 0; length < whole.size(); length += 7) problems_of(whole.substr(0, length));
  std::uint32_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    std::string text = whole;
    for (int k = 0; k < 3; ++k) {
      state = state * 1664525U + 1013904223U;
      text[(state >> 8) % text.size()] = static_cast<char>(state >> 3);
    }
    problems_of(text);
  }
}

TEST(ConfigLoad, GptTinyHasExactlyTheValuesOfItsRecipe) {
  const Config c = load(PHALANX_SOURCE_DIR "/configs/gpt_tiny.yaml", {});
  EXPECT_EQ(c.run.name, "gpt_tiny");
  EXPECT_EQ(c.model.hidden, 256);
  EXPECT_EQ(c.model.ffn.value, 1024);
  EXPECT_TRUE(c.model.vocabulary.is_auto());
  EXPECT_EQ(c.training.steps, 250);
  EXPECT_EQ(c.schedule.warmup_steps, 50);
  EXPECT_EQ(c.optimizer.epsilon, 1.0e-8);
  EXPECT_EQ(c.metrics.prometheus, "127.0.0.1:9464");
}

}  // namespace
}  // namespace phalanx::config
