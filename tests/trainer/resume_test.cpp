// Which changes a resume takes, and which it refuses.
#include "trainer/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trainer/config/resolve.h"

namespace phalanx {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

config::Config base() {
  config::Config config;
  config.model.ffn.value = 256;
  config.model.vocabulary.value = 512;
  config.parallel.data.value = 1;
  config.data.train = {{"datasets/a/train", 1.0}};
  return config;
}

checkpoint::Manifest manifest_of(const config::Config& config) {
  checkpoint::Manifest manifest;
  manifest.folder = "runs/x/checkpoints/step_00000010";
  manifest.provenance.config_yaml = config::to_yaml(config);
  manifest.provenance.tokenizer_digest = std::string("tokenizer");
  manifest.provenance.data_digest = std::string("data");
  return manifest;
}

std::string refusal(const config::Config& config, const DataIdentity& identity) {
  try {
    check_resume(manifest_of(base()), config, identity);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Resume, UnchangedConfigurationIsTakenSilently) {
  EXPECT_THAT(check_resume(manifest_of(base()), base(), {"tokenizer", "data"}), IsEmpty());
}

TEST(Resume, OtherKeysAreTakenAndPrintedOldToNew) {
  config::Config config = base();
  config.training.steps = 77;
  config.parallel.tensor = 2;
  const auto changed = check_resume(manifest_of(base()), config, {"tokenizer", "data"});
  EXPECT_THAT(changed, Contains("training.steps: 1000 -> 77"));
  EXPECT_THAT(changed, Contains("parallel.tensor: 1 -> 2"));
}

TEST(Resume, ModelSeedAndContextAreRefusedByKey) {
  config::Config config = base();
  config.model.hidden = 512;
  config.model.context = 77;
  config.run.seed = 5;
  EXPECT_THAT(refusal(config, {"tokenizer", "data"}), HasSubstr("model.hidden: 768 -> 512"));
  EXPECT_THAT(refusal(config, {"tokenizer", "data"}), HasSubstr("model.context: 1024 -> 77"));
  EXPECT_THAT(refusal(config, {"tokenizer", "data"}), HasSubstr("run.seed: 1234 -> 5"));
}

TEST(Resume, OtherDataIsRefusedEvenUnderTheSamePath) {
  EXPECT_THAT(refusal(base(), {"tokenizer", "other"}), HasSubstr("data.train"));
  EXPECT_THAT(refusal(base(), {"other", "data"}), HasSubstr("tokenizer"));
}

TEST(Resume, MovedDataWithTheSameContentIsTaken) {
  config::Config config = base();
  config.data.train = {{"/elsewhere/train", 1.0}};
  EXPECT_EQ(refusal(config, {"tokenizer", "data"}), "");
}

TEST(Resume, FinishedRunNamesTheKnobs) {
  config::Config config = base();
  config.training.steps = 10;
  checkpoint::Progress progress;
  progress.step = 10;
  try {
    require_unfinished(progress, config);
    FAIL() << "a finished run was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("training.steps"));
    EXPECT_THAT(error.what(), HasSubstr("run.output"));
  }
  progress.step = 9;
  EXPECT_NO_THROW(require_unfinished(progress, config));
}

}  // namespace
}  // namespace phalanx
