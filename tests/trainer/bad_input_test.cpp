// The program as a user meets it who has damaged, missing or foreign files: one clear line that names file or key, the
// right exit status, nothing half written, and under mpirun one copy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "core/check.h"
#include "tests/support/program.h"

namespace phalanx {
namespace {

namespace fs = std::filesystem;
using test::lines_of;
using test::Outcome;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kProgram = PHALANX_BINARY " ";

std::string sample_text(const std::string& words) {
  std::string text;
  for (int document = 0; document < 40; ++document) {
    for (int i = 0; i < 40; ++i) text += words.substr(static_cast<std::size_t>((document * 7 + i * 13) % 16), 3) + " ";
    text += "\n\n";
  }
  return text;
}

// A folder with two small data sets of different tokenizers and a configuration.
class BadInput : public testing::Test {
 protected:
  BadInput() {
    test::append(path("config.yaml"), R"(run: {name: t, output: run}
model: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 16}
data: {train: [{path: a/train}], validation: a/validation}
training: {steps: 4, global_batch: 4, micro_batch: 2}
schedule: {warmup_steps: 2}
evaluation: {every: 2, samples: 8}
checkpoint: {every: 2, keep: 3}
metrics: {prometheus: ""}
)");
    test::append(path("a.txt"), sample_text("the cat sat on a mat near it"));
    test::append(path("b.txt"), sample_text("and dogs ran by the old wall"));
    for (const char* name : {"a", "b"}) {
      must(str(kProgram, "tokenizer train --vocabulary 264 --input ", name, ".txt --output ", name, ".tokenizer"));
      must(str(kProgram, "data prepare --split blank_line --validation-fraction 0.2 --tokenizer ", name,
               ".tokenizer --input ", name, ".txt --output ", name));
    }
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Outcome run(const std::string& command) const { return test::run_in(folder_.path(), command); }
  void must(const std::string& command) const {
    const Outcome o = run(command);
    ASSERT_EQ(o.status, 0) << command << "\n" << o.err;
  }
  // The last line on standard error, after a check of the status; alone or under mpirun.
  std::string refusal(const std::string& arguments, int status, int ranks = 0) const {
    const Outcome o = run((ranks > 0 ? "timeout 60 " + test::mpirun(ranks) : std::string()) + kProgram + arguments);
    EXPECT_EQ(o.status, status) << arguments << "\n" << o.err;
    EXPECT_EQ(o.out, "") << arguments;
    const std::vector<std::string> lines = lines_of(o.err);
    EXPECT_FALSE(lines.empty()) << arguments;
    return lines.empty() ? std::string() : lines.back();
  }
  [[nodiscard]] std::string refused_training(const std::string& overrides, int status) const {
    return refusal("train config.yaml " + overrides, status);
  }
  // Bytes of a file at `offset` are turned over.
  void damage(const std::string& name, std::int64_t offset) const {
    std::fstream file(path(name), std::ios::in | std::ios::out | std::ios::binary);
    for (std::int64_t i = offset; i < offset + 8; ++i) {
      file.seekg(i);
      const char byte = static_cast<char>(~file.get());
      file.seekp(i);
      file.put(byte);
    }
    ASSERT_TRUE(file.good()) << name;
  }
  std::vector<std::string> entries(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(path(name))) names.push_back(entry.path().string());
    return names;
  }

  test::TemporaryFolder folder_;
};

TEST_F(BadInput, ShardsThatAreNotWhatTheyWereAreNamedBeforeTheFirstStep) {
  const std::string shard = "copy/train/shard_00000.h5";
  const std::string data = "--set data.train=[{path:\\ copy/train}]";
  const auto fresh = [&] {
    fs::remove_all(path("copy"));
    fs::copy(path("a"), path("copy"), fs::copy_options::recursive);
  };
  fresh();
  fs::remove(path(shard));
  EXPECT_THAT(refused_training(data, 1), HasSubstr(shard + ": cannot open: No such file"));
  fresh();
  fs::resize_file(path(shard), 1000);
  EXPECT_THAT(refused_training(data, 1), HasSubstr(shard + ": its size in bytes is 1000"));
  fresh();
  damage(shard, static_cast<std::int64_t>(fs::file_size(path(shard))) - 40);
  EXPECT_THAT(refused_training(data, 1), AllOf(HasSubstr(shard), HasSubstr("checksum")));
  fresh();
  fs::copy_file(path("b/train/shard_00000.h5"), path(shard), fs::copy_options::overwrite_existing);
  EXPECT_THAT(refused_training(data, 1), HasSubstr(shard + ": "));
  test::append(path("copy/train/manifest.json"), " ");
  EXPECT_THAT(refused_training(data, 1), HasSubstr(shard + ": ")) << "white space changes nothing";
  test::append(path("copy/train/manifest.json"), "x");
  EXPECT_THAT(refused_training(data, 1), HasSubstr("copy/train/manifest.json: "));
  fresh();
  fs::remove_all(path("copy/train/tokenizer"));
  EXPECT_THAT(refused_training(data, 1), HasSubstr("copy/train/tokenizer: no such folder"));
  fs::copy(path("b/train/tokenizer"), path("copy/train/tokenizer"));
  EXPECT_THAT(refused_training(data, 1),
              HasSubstr("copy/train/tokenizer: is not the tokenizer that copy/train was made"));
  EXPECT_FALSE(fs::exists(path("run/checkpoints"))) << "a step was trained";
}

TEST_F(BadInput, DataOfAnotherTokenizerIsRefusedByKey) {
  EXPECT_THAT(
      refused_training("--set data.train=[{path:\\ a/train},{path:\\ b/train}]", 2),
      AllOf(HasSubstr("data.train: b/train: its tokens are of another tokenizer"), HasSubstr("those of a/train")));
  EXPECT_THAT(refused_training("--set data.validation=b/validation", 2), HasSubstr("data.validation (b/validation)"));
  EXPECT_THAT(refused_training("--set model.vocabulary=100", 2),
              HasSubstr("model.vocabulary (100) is smaller than that of a/train (264)"));
  must(kProgram + "train config.yaml");
  EXPECT_THAT(refusal("evaluate config.yaml --checkpoint run --set data.validation=b/validation", 2),
              AllOf(HasSubstr("data.validation (b/validation)"), HasSubstr("those of run/checkpoints/step_00000004")));
  EXPECT_THAT(run(kProgram + "train config.yaml --set training.steps=6 --set data.train=[{path:\\ b/train}] "
                             "--set data.validation=b/validation")
                  .err,
              HasSubstr("data.train: another tokenizer than the run began with"));
}

TEST_F(BadInput, DamagedCheckpointsAreNamedOnceUnderMpirunToo) {
  must(kProgram + "train config.yaml");
  const std::string file = "run/checkpoints/step_00000004/rank_00000.h5";
  damage(file, 9000);
  for (const int ranks : {0, 2}) {
    const std::string launcher = ranks > 0 ? "timeout 60 " + test::mpirun(ranks) : std::string();
    for (const std::string command :
         {"evaluate config.yaml --checkpoint run", "generate --checkpoint run --prompt x"}) {
      const Outcome o = run(str(launcher, kProgram, command));
      EXPECT_EQ(o.status, 1);
      EXPECT_EQ(o.out, "") << "nothing before the error";
      EXPECT_THAT(lines_of(o.err), ElementsAre(AllOf(HasSubstr(file), HasSubstr("damaged")))) << command;
    }
  }
  const Outcome resumed = run(kProgram + "train config.yaml --set training.steps=6");
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err,
              AllOf(HasSubstr("passed over: " + file), HasSubstr("resumed from run/checkpoints/step_00000002")));
}

TEST_F(BadInput, ForeignAndNewerCheckpointsAreRefused) {
  must(kProgram + "train config.yaml");
  const std::string manifest = path("run/checkpoints/step_00000004/manifest.json");
  std::string text = test::read_file(manifest);
  fs::remove(manifest);
  test::append(manifest, "{}");
  EXPECT_THAT(refused_training("--resume run/checkpoints/step_00000004", 1),
              AllOf(HasSubstr("step_00000004/manifest.json: is damaged or no part of a checkpoint"),
                    Not(HasSubstr("json.exception"))));
  fs::remove(manifest);
  test::append(manifest, text.replace(text.find("\"format\": 1"), 11, "\"format\": 7"));
  EXPECT_THAT(refused_training("--resume run/checkpoints/step_00000004", 1),
              HasSubstr("manifest.json: format version 7 is unknown, this program reads version 1"));
}

TEST_F(BadInput, AnotherModelThanTheCheckpointsIsRefusedByKey) {
  must(kProgram + "train config.yaml");
  for (const std::string how : {"train config.yaml --init run --set run.output=other", "train config.yaml",
                                "evaluate config.yaml --checkpoint run"}) {
    const Outcome o = run(kProgram + how + " --set training.steps=6 --set model.hidden=64 --set model.layers=3");
    EXPECT_EQ(o.status, 2) << how << "\n" << o.err;
    EXPECT_THAT(o.err, AllOf(HasSubstr("model.hidden: "), HasSubstr("model.layers: "))) << how;
  }
  EXPECT_FALSE(fs::exists(path("other")));
  EXPECT_THAT(refusal("generate --checkpoint run --prompt x --tensor 3", 2, 3),
              HasSubstr("model.heads (4) must be divisible by --tensor (3): --tensor may be 1, 2 or 4"));
  EXPECT_THAT(refusal("generate --checkpoint run --prompt 'a prompt that is far too long for sixteen'", 2),
              AllOf(HasSubstr("the prompt has "), HasSubstr("model.context) is 16")));
}

TEST_F(BadInput, WeightsThatGiveNoProbabilitiesAreRefused) {
  // Weights beyond 1e10: the loss before the only update is finite, that of the checkpoint is not.
  must(kProgram +
       "train config.yaml --set training.steps=1 --set optimizer.learning_rate=1e6 --set optimizer.weight_decay=1e6 "
       "--set schedule.warmup_steps=0 "
       "--set evaluation.every=0");
  const Outcome o = run(kProgram + "generate --checkpoint run --prompt x --tokens 1");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(
      o.err,
      HasSubstr("error: run/checkpoints/step_00000001: logits are not finite: the weights are damaged or diverged\n"));
}

TEST_F(BadInput, TextThatCannotBeReadLeavesNoData) {
  test::append(path("empty.txt"), "");
  test::append(path("blank.jsonl"), "{\"text\": \"\"}\n{\"text\": \" \\n\"}\n");
  test::append(path("field.jsonl"), "{\"content\": \"x\"}\n");
  test::append(path("cut.jsonl"), "{\"text\": \"x\"}\n{\"text\":\n");
  test::append(path("not.txt.gz"), "plain");
  const std::string prepare = "data prepare --tokenizer a.tokenizer --output made --input ";
  EXPECT_THAT(refusal(prepare + "nothing.txt", 2), HasSubstr("nothing.txt: no such file"));
  EXPECT_THAT(refusal(prepare + "empty.txt", 2), HasSubstr("the input holds no text"));
  EXPECT_THAT(refusal(prepare + "blank.jsonl", 2), HasSubstr("the input holds no text: 2 empty documents"));
  EXPECT_THAT(refusal(prepare + "field.jsonl", 1), HasSubstr("field.jsonl:1: no field \"text\""));
  EXPECT_THAT(refusal(prepare + "cut.jsonl", 1), HasSubstr("cut.jsonl:2: malformed JSON"));
  EXPECT_THAT(refusal(prepare + "not.txt.gz", 1, 2), HasSubstr("not.txt.gz: damaged gzip data"));
  EXPECT_THAT(refusal("data prepare --tokenizer nothing --output made --input a.txt", 1),
              HasSubstr("nothing: no such"));
  EXPECT_FALSE(fs::exists(path("made")));
}

TEST_F(BadInput, AFullDiskLeavesNoHalfWrittenOutput) {
  // A limit on the size of files is the full disk that every user can have.
  const auto full = [&](int blocks, const std::string& arguments) {
    const Outcome o = run("trap '' XFSZ; ulimit -f " + std::to_string(blocks) + "; " + kProgram + arguments);
    EXPECT_EQ(o.status, 1) << o.err;
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(lines_of(o.err), SizeIs(1)) << o.err;
    return o.err;
  };
  EXPECT_THAT(full(1, "tokenizer train --vocabulary 264 --input a.txt --output made"),
              AllOf(HasSubstr("--output made: cannot be written"), HasSubstr("File too large")));
  EXPECT_THAT(full(1, "data prepare --tokenizer a.tokenizer --input a.txt --output made"), HasSubstr("File too large"));
  EXPECT_FALSE(fs::exists(path("made")));
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("tmp")));
  }
  // libhdf5 loses memory when a file cannot be closed, which is not what a leak checker is to find here.
  const Outcome o = run("export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0; trap '' XFSZ; ulimit -f 100; " + kProgram +
                        "train config.yaml");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr("checkpoint of step 2 not saved")) << "training goes on";
  EXPECT_THAT(lines_of(o.err).back(), AllOf(HasSubstr("checkpoint of step 4 not saved"), HasSubstr("File too large")));
  EXPECT_TRUE(entries("run/checkpoints").empty());
  EXPECT_THAT(test::read_file(path("run/status.json")), HasSubstr("\"failed\""));
}

TEST_F(BadInput, APortInUseNamesTheKey) {
  must(kProgram + "train config.yaml --set training.steps=2");
  const int socket_fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(socket_fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(socket_fd, 1), 0);
  ASSERT_EQ(::getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  EXPECT_THAT(refused_training("--set run.output=other --set metrics.prometheus=127.0.0.1:" + port, 1),
              AllOf(HasSubstr("metrics.prometheus: cannot listen on port " + port), HasSubstr("in use")));
  ::close(socket_fd);
}

TEST_F(BadInput, ManyProblemsOfAConfigurationAreListedAtOnce) {
  test::append(path("bad.yaml"), "model: {hiden: 3, heads: x}\ntraining: {steps: -1}\n");
  const Outcome o =
      run(kProgram + "train bad.yaml --set optimizer.learning_rate=fast --set nonsense=" + std::string(5000, '['));
  EXPECT_EQ(o.status, 2);
  const std::vector<std::string> lines = lines_of(o.err);
  ASSERT_THAT(lines, SizeIs(5)) << o.err;
  EXPECT_THAT(lines[0], HasSubstr("bad.yaml:1: unknown key model.hiden; nearest known key: model.hidden"));
  EXPECT_THAT(lines[1], HasSubstr("bad.yaml:1: model.heads must be integer, found x"));
  EXPECT_THAT(lines[2], HasSubstr("bad.yaml:2: training.steps must be from 1"));
  EXPECT_THAT(lines[3], HasSubstr("--set optimizer.learning_rate=fast: "));
  EXPECT_LT(lines[4].size(), 300U);
}

}  // namespace
}  // namespace phalanx
