// `phalanx export` and `phalanx import` as a user meets them: what comes out of a training run goes round and trains
// on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/check.h"
#include "core/file.h"
#include "tests/support/program.h"

namespace phalanx {
namespace {

namespace fs = std::filesystem;
using test::lines_of;
using test::Outcome;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kProgram = PHALANX_BINARY " ";

class HfCommand : public testing::Test {
 protected:
  HfCommand() {
    std::string text;
    for (int i = 0; i < 400; ++i) text += str("line ", i * i % 97, " of the sea\n");
    folder_.write("a.txt", text);
    folder_.write("config.yaml", R"(run: {name: t, output: run}
model: {layers: 2, hidden: 32, heads: 4, ffn: 60, context: 16}
data: {train: [{path: a/train}]}
training: {steps: 2, global_batch: 4, micro_batch: 2}
evaluation: {every: 0}
metrics: {prometheus: ""}
)");
    must("tokenizer train --vocabulary 270 --input a.txt --output tokenizer");
    must("data prepare --split line --tokenizer tokenizer --input a.txt --output a");
    must("train config.yaml");
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Outcome run(const std::string& arguments) const {
    return test::run_in(folder_.path(), kProgram + arguments);
  }
  std::string must(const std::string& arguments) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.status, 0) << arguments << "\n" << o.err;
    return o.out;
  }
  std::string refused(const std::string& arguments, int status) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.status, status) << arguments << "\n" << o.err;
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(lines_of(o.err), SizeIs(1)) << o.err;
    return o.err;
  }

  test::TemporaryFolder folder_;
};

TEST_F(HfCommand, ATrainedModelGoesRoundGeneratesTheSameAndTrainsOn) {
  EXPECT_THAT(must("export --checkpoint run --output out --format hf"), HasSubstr("logits differ by 0 at most"));
  EXPECT_THAT(must("import --input out --output imported"), HasSubstr("imported/step_00000000: "));
  must("export --checkpoint imported --output again --max-shard-size 20kB --logits logits.safetensors");
  EXPECT_TRUE(fs::exists(path("again/model.safetensors.index.json")));
  EXPECT_TRUE(fs::exists(path("logits.safetensors")));
  const std::string words = " --prompt 'line 4' --tokens 10 --temperature 0";
  EXPECT_EQ(must("generate --checkpoint imported" + words), must("generate --checkpoint run" + words));
  must("train config.yaml --init imported --set run.output=second");
  EXPECT_TRUE(fs::exists(path("second/checkpoints/step_00000002/manifest.json")));
  EXPECT_THAT(run("train config.yaml --resume imported/step_00000000 --set run.output=third").err, HasSubstr("--init"));
}

TEST_F(HfCommand, BadUseIsStatusTwoAndDamageStatusOne) {
  must("export --checkpoint run --output out --dtype bf16");
  EXPECT_THAT(refused("export --checkpoint run --output out", 2), HasSubstr("--output out: is there already"));
  EXPECT_THAT(refused("export --checkpoint nothing --output new", 2), HasSubstr("nothing: no checkpoint"));
  EXPECT_THAT(refused("import --input nothing --output new", 2), HasSubstr("nothing: no such folder"));
  EXPECT_EQ(run("export --checkpoint run --output new --dtype int8").status, 2);
  EXPECT_EQ(run("export --checkpoint run --output new --format onnx").status, 2);
  EXPECT_EQ(run("export --checkpoint run --output new --max-shard-size 0").status, 2);
  const Outcome two =
      test::run_in(folder_.path(), "timeout 60 " + test::mpirun(2) + kProgram + "export --checkpoint run --output new");
  EXPECT_EQ(two.status, 2);
  EXPECT_THAT(two.err, HasSubstr("without mpirun"));
  fs::resize_file(path("out/model.safetensors"), 5000);
  EXPECT_THAT(refused("import --input out --output new", 1), HasSubstr("out/model.safetensors: "));
  EXPECT_FALSE(fs::exists(path("new")));
}

TEST_F(HfCommand, AFullDiskLeavesNoHalfWrittenFolder) {
  for (const std::string how : {"export --checkpoint run --output new", "import --input out --output new"}) {
    if (!fs::exists(path("out"))) must("export --checkpoint run --output out");
    const std::vector<fs::path> before(fs::directory_iterator(folder_.path()), {});
    const Outcome o = test::run_in(folder_.path(), str("trap '' XFSZ; ulimit -f 50; ", kProgram, how));
    EXPECT_EQ(o.status, 1) << o.err;
    EXPECT_THAT(o.err, HasSubstr("File too large"));
    const std::vector<fs::path> after(fs::directory_iterator(folder_.path()), {});
    EXPECT_EQ(after.size(), before.size());
  }
}

}  // namespace
}  // namespace phalanx
