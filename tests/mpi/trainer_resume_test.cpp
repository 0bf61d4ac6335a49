// A run that was stopped and resumed is the run that was not: bit for bit at the same layout, from a checkpoint on
// disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "tests/support/shared_folder.h"
#include "tests/support/tiny_job.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/resolve.h"
#include "trainer/load_state.h"

namespace phalanx {
namespace {

using namespace testing::tiny;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int kBefore = 3, kAfter = 3;

bool equal_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data, b.data, static_cast<std::size_t>(a.bytes())) == 0;
}

void expect_equal_state(const Replica& a, const Replica& b) {
  EXPECT_TRUE(equal_bits(a.optimizer().master(), b.optimizer().master())) << "masters";
  EXPECT_TRUE(equal_bits(a.optimizer().m(), b.optimizer().m())) << "first moments";
  EXPECT_TRUE(equal_bits(a.optimizer().v(), b.optimizer().v())) << "second moments";
  EXPECT_TRUE(equal_bits(a.parameters().flat_weights(), b.parameters().flat_weights())) << "weights";
}

checkpoint::Provenance provenance(const Case& c) {
  checkpoint::Provenance p;
  p.config_yaml = config::to_yaml(make_config(c));
  p.data_ranks = c.data;
  p.tensor_ranks = c.tensor;
  p.precision = c.precision;
  return p;
}

std::string save_job(Job& job, const Case& c, const std::string& folder) {
  checkpoint::Progress progress = job.trainer.progress();
  progress.digest = job.trainer.checked_digest();
  return checkpoint::save(folder, progress, provenance(c), owned_state(job.replica), test_runtime().world());
}

void expect_resume_is_exact(const Case& c) {
  Parallel undisturbed(c);
  undisturbed.job.losses_of(c, 0, kBefore);
  const std::vector<double> expected = undisturbed.job.losses_of(c, kBefore, kAfter);

  const testing::SharedFolder folder("phalanx_resume");
  std::string path;
  {
    Parallel first(c);
    first.job.losses_of(c, 0, kBefore);
    path = save_job(first.job, c, folder.path());
  }
  Parallel second(c);
  const checkpoint::Manifest manifest = checkpoint::read_manifest(path);
  load_state(second.job.replica, manifest, checkpoint::Parts::weights_and_moments, test_runtime().world());
  second.job.trainer.set_progress(manifest.progress);
  EXPECT_EQ(second.job.losses_of(c, kBefore, kAfter), expected);
  expect_equal_state(second.job.replica, undisturbed.job.replica);
}

TEST(Resume, EqualsNoStopBitForBit) {
  const int ranks = test_runtime().world_size();
  for (const char* precision : {"fp32", "bf16"}) {
    for (const bool shard : {true, false}) {
      expect_resume_is_exact({.data = ranks, .tensor = 1, .micro = 1, .shard = shard, .precision = precision});
      expect_resume_is_exact({.data = 1, .tensor = ranks, .micro = 4, .shard = shard, .precision = precision});
    }
  }
  expect_resume_is_exact({.data = ranks, .micro = 1, .precision = "bf16", .family = "bert", .optimizer = "lamb"});
  if (ranks == 4) expect_resume_is_exact({.data = 2, .tensor = 2, .micro = 2});
}

TEST(Resume, StateThatLacksItsDigestIsRefused) {
  const Case c{.data = test_runtime().world_size(), .micro = 1, .precision = "bf16"};
  Parallel job(c);
  job.job.losses_of(c, 0, 1);
  const testing::SharedFolder folder("phalanx_resume");
  const checkpoint::Manifest good = checkpoint::read_manifest(save_job(job.job, c, folder.path()));
  const auto load = [&](int kind, checkpoint::Parts parts) {
    checkpoint::Manifest manifest = good;
    StateDigest& digest = *manifest.progress.digest;
    (kind == 0 ? digest.master : kind == 1 ? digest.m : digest.v) ^= 1;
    load_state(job.job.replica, manifest, parts, test_runtime().world());
  };
  for (const int kind : {0, 1, 2}) {
    EXPECT_THAT([&] { load(kind, checkpoint::Parts::weights_and_moments); },
                ThrowsMessage<AgreedError>(HasSubstr("it changed on its way to the disk or back")))
        << kind;
    if (kind > 0) {
      EXPECT_NO_THROW(load(kind, checkpoint::Parts::weights)) << "moments were not loaded";
    }
  }
  EXPECT_THROW(load(0, checkpoint::Parts::weights), AgreedError);
}

TEST(Step, NotFiniteLossStopsAllRanksBeforeTheUpdateAndNamesTheTensor) {
  const Case c{.data = test_runtime().world_size(), .micro = 1};
  Parallel job(c);
  const Replica& replica = job.job.replica;
  const int spec = replica.layout().find("layers.1.mlp.up.bias");
  *replica.parameters().weight(spec).as<float>() = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before(replica.optimizer().master().as<float>(),
                                  replica.optimizer().master().as<float>() + replica.optimizer().master().count());
  try {
    job.job.losses_of(c, 0, 1);
    FAIL() << "a loss that is not finite was taken";
  } catch (const AgreedError& error) {
    EXPECT_NE(std::string(error.what()).find("step 1"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("first bad gradient: "), std::string::npos) << error.what();
  }
  EXPECT_EQ(std::memcmp(before.data(), replica.optimizer().master().data, before.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace phalanx
