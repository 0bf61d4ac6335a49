// Import: what transformers save in its several forms comes in, and goes out again with the same bytes; what this
// program cannot do is refused by name.
#include "trainer/hf/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>

#include "tests/trainer/hf_fixture.h"
#include "trainer/hf/elements.h"
#include "trainer/hf/export.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class HfImport : public testing::Test {
 protected:
  HfImport() { checkpoint_ = test::make_checkpoint(folder_, config_); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  void export_to(const std::string& name, const std::string& checkpoint, DType dtype = DType::f32,
                 std::int64_t shard_bytes = 1 << 30) const {
    export_model(checkpoint::read_manifest(checkpoint::resolve(checkpoint)),
                 {.output = path(name), .dtype = dtype, .shard_bytes = shard_bytes, .logits = {}});
  }
  // A copy of folder "good", made at first use, changed.
  void change(const std::function<void(Json& config, test::Draft& weights)>& edit,
              const std::string& name = "changed") {
    if (!fs::exists(path("good"))) export_to("good", checkpoint_);
    fs::remove_all(path(name));
    fs::copy(path("good"), path(name), fs::copy_options::recursive);
    Json config = test::read_json_file(path("good/config.json"));
    test::Draft weights = test::Draft::of(path("good/model.safetensors"));
    edit(config, weights);
    folder_.write(name + "/config.json", config.dump());
    weights.write(path(name + "/model.safetensors"));
  }
  std::string import_refusal(const std::string& name) const {
    try {
      import_model(path(name), path("imported"));
    } catch (const Error& error) {
      EXPECT_FALSE(fs::exists(path("imported")));
      return error.what();
    }
    fs::remove_all(path("imported"));
    return "imported";
  }
  std::string refusal(const std::function<void(Json& config, test::Draft& weights)>& edit) {
    change(edit);
    return import_refusal("changed");
  }

  test::TemporaryFolder folder_;
  config::Config config_ = test::odd_config();
  std::string checkpoint_;
};

TEST_F(HfImport, ImportThenExportGivesTheSameBytes) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const std::string name(name_of(dtype));
    export_to("out_" + name, checkpoint_, dtype);
    const ImportReport report = import_model(path("out_" + name), path("in_" + name));
    EXPECT_TRUE(report.tokenizer);
    export_to("again_" + name, path("in_" + name), dtype);
    for (const auto& entry : fs::directory_iterator(path("out_" + name))) {
      const std::string file = "/" + entry.path().filename().string();
      if (file == "/export_report.json") continue;
      EXPECT_EQ(read_text(str(path("again_" + name), file), 1 << 20),
                read_text(str(path("out_" + name), file), 1 << 20))
          << file;
    }
  }
}

TEST_F(HfImport, ShardsComeInAsOneModel) {
  export_to("one", checkpoint_);
  export_to("many", checkpoint_, DType::f32, 3000);
  import_model(path("many"), path("in"));
  export_to("again", path("in"));
  EXPECT_EQ(read_text(path("again/model.safetensors"), 1 << 20), read_text(path("one/model.safetensors"), 1 << 20));
}

TEST_F(HfImport, TheCheckpointHoldsModelWeightsAndTokenizer) {
  change([](Json&, test::Draft&) {});
  const ImportReport report = import_model(path("changed"), path("in"));
  EXPECT_EQ(report.checkpoint, path("in/step_00000000"));
  const checkpoint::Manifest manifest = checkpoint::read_manifest(report.checkpoint);
  checkpoint::verify(manifest);
  EXPECT_FALSE(manifest.moments);
  EXPECT_EQ(parameter_count(manifest.table), report.parameters);
  EXPECT_EQ(manifest.provenance.tokenizer_digest, data::load_tokenizer(path("tokenizer"))->digest());
  EXPECT_EQ(data::load_tokenizer(manifest.provenance.tokenizer_folder)->digest(), manifest.provenance.tokenizer_digest);
  EXPECT_FALSE(fs::exists(path("in/tokenizer")));
}

TEST_F(HfImport, ATokenizerJsonAloneIsEnough) {
  change([](Json&, test::Draft&) {});
  fs::remove(path("changed/vocab.json"));
  fs::remove(path("changed/merges.txt"));
  import_model(path("changed"), path("in"));
  export_to("again", path("in"));
  EXPECT_EQ(data::load_tokenizer(path("again"))->digest(), data::load_tokenizer(path("tokenizer"))->digest());
  EXPECT_TRUE(fs::exists(path("again/vocab.json")));
  fs::remove(path("changed/tokenizer.json"));
  EXPECT_FALSE(import_model(path("changed"), path("none")).tokenizer);
}

TEST_F(HfImport, OlderFormsOfTheSameModelComeIn) {
  change([](Json& config, test::Draft& weights) {
    config = {{"architectures", {"GPT2Model"}},
              {"model_type", "gpt2"},
              {"n_embd", 12},
              {"n_layer", 3},
              {"n_head", 4},
              {"n_inner", 22},
              {"n_positions", 11},
              {"vocab_size", 263},
              {"activation_function", "gelu"}};
    for (test::Draft::Item& item : weights.items) item.info.name = item.info.name.substr(12);  // "transformer."
    std::reverse(weights.items.begin(), weights.items.end());
    weights.items.push_back(
        {{.name = "h.1.attn.bias", .dtype = "BOOL", .shape = {1, 1, 11, 11}}, std::string(121, '\1')});
    weights.items.push_back({{.name = "h.1.attn.masked_bias", .dtype = "F32", .shape = {}}, std::string(4, '\0')});
    weights.items.push_back(
        {{.name = "lm_head.weight", .dtype = "F32", .shape = {263, 12}}, weights.find("wte.weight").bytes});
  });
  import_model(path("changed"), path("in"));
  export_to("again", path("in"));
  EXPECT_EQ(test::tensor_bytes(path("again/model.safetensors")), test::tensor_bytes(path("good/model.safetensors")));
}

TEST_F(HfImport, AnInnerSizeThatIsNullIsFourTimesTheWidth) {
  config::Config config = config_;
  config.model.ffn.value = 48;
  const test::TemporaryFolder other;
  export_model(checkpoint::read_manifest(test::make_checkpoint(other, config)),
               {.output = other / "out", .logits = {}});
  Json json = test::read_json_file(other / "out/config.json");
  json["n_inner"] = nullptr;
  other.write("out/config.json", json.dump());
  EXPECT_EQ(ModelFolder(other / "out").config().model.ffn.value, 48);
}

TEST_F(HfImport, ArchitecturesAreRefusedByName) {
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c["architectures"] = {"LlamaForCausalLM"}; }),
              AllOf(HasSubstr("changed/config.json: the architecture LlamaForCausalLM is not supported"),
                    HasSubstr("known: GPT2LMHeadModel")));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c["architectures"] = {"GPT2ForSequenceClassification"}; }),
              HasSubstr("GPT2ForSequenceClassification"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c = {{"model_type", "mamba"}}; }), HasSubstr("mamba"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c = Json::object(); }), HasSubstr("names no architecture"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c["architectures"] = 3; }),
              HasSubstr("architectures must be a list"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c = Json::array(); }), HasSubstr("must be an object"));
}

TEST_F(HfImport, WhatThisProgramComputesOtherwiseIsRefusedByKey) {
  const auto with = [&](const char* key, const Json& value) {
    return refusal([&](Json& c, test::Draft&) { c[key] = value; });
  };
  EXPECT_THAT(with("activation_function", "relu"), HasSubstr("activation_function: relu is not supported"));
  EXPECT_THAT(with("layer_norm_epsilon", 0.0), HasSubstr("layer_norm_epsilon must be above 0, found 0"));
  EXPECT_EQ(with("layer_norm_epsilon", 1e-6), "imported");
  EXPECT_THAT(with("scale_attn_by_inverse_layer_idx", true), HasSubstr("scale_attn_by_inverse_layer_idx is true"));
  EXPECT_THAT(with("tie_word_embeddings", false), HasSubstr("tie_word_embeddings is false"));
  EXPECT_THAT(with("n_head", 5), HasSubstr("model.heads"));
  EXPECT_THAT(with("n_embd", -12), HasSubstr("n_embd must be a whole number from 1, found -12"));
  EXPECT_THAT(with("n_layer", nullptr), HasSubstr("has no n_layer"));
  EXPECT_THAT(with("n_layer", 4000), HasSubstr("claims 4000 layers; the files hold 40 tensors"));
  EXPECT_THAT(with("n_layer", 1LL << 40), HasSubstr("n_layer must be"));
  EXPECT_THAT(with("vocab_size", 1 << 30), HasSubstr("model.vocabulary"));
  EXPECT_EQ(with("resid_pdrop", 0.5), "imported");
}

TEST_F(HfImport, TensorsThatDoNotMakeUpTheModelAreRefusedByName) {
  EXPECT_THAT(refusal([](Json&, test::Draft& w) { w.items.pop_back(); }),
              HasSubstr("holds no tensor transformer.ln_f.bias (12)"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c["n_positions"] = 12; }),
              HasSubstr("transformer.wpe.weight is (11, 12); by config.json it is (12, 12)"));
  EXPECT_THAT(refusal([](Json& c, test::Draft&) { c["n_layer"] = 2; }),
              AllOf(HasSubstr("holds 'transformer.h.2."), HasSubstr("no part of a gpt2")));
  EXPECT_THAT(refusal([](Json&, test::Draft& w) { w.find("transformer.ln_f.bias").info.dtype = "I32"; }),
              HasSubstr("transformer.ln_f.bias is I32; F32, BF16 and F16 are read"));
  EXPECT_THAT(refusal([](Json&, test::Draft& w) {
                test::Draft::Item copy = w.find("transformer.wte.weight");
                copy.info.name = "lm_head.weight";
                copy.bytes[100] ^= 1;
                w.items.push_back(copy);
              }),
              HasSubstr("lm_head.weight differs from wte.weight"));
  EXPECT_THAT(refusal([](Json&, test::Draft& w) {
                test::Draft::Item copy = w.find("transformer.ln_f.bias");
                copy.info.name = "ln_f.bias";
                w.items.push_back(copy);
              }),
              HasSubstr("with and without transformer."));
}

TEST_F(HfImport, FoldersWithoutTheFilesAreRefused) {
  EXPECT_THAT(import_refusal("nothing"), HasSubstr("nothing: no such folder"));
  EXPECT_THAT(import_refusal("tokenizer"), HasSubstr("holds no config.json"));
  change([](Json&, test::Draft&) {});
  fs::remove(path("changed/model.safetensors"));
  EXPECT_THAT(import_refusal("changed"), HasSubstr("holds neither model.safetensors nor"));
  folder_.write("changed/pytorch_model.bin", "");
  EXPECT_THAT(import_refusal("changed"), HasSubstr("pytorch_model.bin is not read"));
  folder_.write("changed/config.json", "{\"a\":");
  EXPECT_THAT(import_refusal("changed"), HasSubstr("safetensors"));
  fs::copy(path("good/model.safetensors"), path("changed/model.safetensors"));
  EXPECT_THAT(import_refusal("changed"), HasSubstr("config.json: not valid JSON"));
  folder_.write("changed/config.json", std::string(100'000, '['));
  EXPECT_THAT(import_refusal("changed"), HasSubstr("levels deep"));
}

TEST_F(HfImport, AnIndexThatLiesIsRefused) {
  export_to("many", checkpoint_, DType::f32, 8000);
  const std::string index = "many/model.safetensors.index.json";
  const Json good = test::read_json_file(path(index));
  const auto with = [&](const std::function<void(Json&)>& edit) {
    Json json = good;
    edit(json);
    folder_.write(index, json.dump());
    return import_refusal("many");
  };
  const std::string last = "transformer.ln_f.bias";
  EXPECT_EQ(with([](Json&) {}), "imported");
  EXPECT_THAT(with([&](Json& j) { j["weight_map"][last] = "../x.safetensors"; }),
              HasSubstr("is not in a .safetensors file"));
  EXPECT_THAT(with([&](Json& j) { j["weight_map"][last] = 3; }), HasSubstr(last));
  EXPECT_THAT(with([&](Json& j) { j["weight_map"][last] = "gone.safetensors"; }), HasSubstr("gone.safetensors"));
  EXPECT_THAT(with([&](Json& j) { j["weight_map"][last] = j["weight_map"]["transformer.wte.weight"]; }),
              HasSubstr("which does not hold it"));
  EXPECT_THAT(with([](Json& j) { j.erase("weight_map"); }), HasSubstr("has no weight_map"));
}

TEST_F(HfImport, ATokenizerThatIsLargerThanTheModelIsRefused) {
  config::Config config = config_;
  config.model.vocabulary.value = 259;
  const test::TemporaryFolder other;
  export_model(checkpoint::read_manifest(test::make_checkpoint(other, config)),
               {.output = other / "out", .logits = {}});
  fs::copy(other / "out", path("out"));
  EXPECT_THAT(import_refusal("out"), HasSubstr("its tokenizer has 260 tokens, its model 259"));
}

TEST_F(HfImport, AnOutputThatIsThereIsRefused) {
  change([](Json&, test::Draft&) {});
  fs::create_directories(path("there"));
  EXPECT_THROW(import_model(path("changed"), path("there")), UsageError);
  EXPECT_TRUE(fs::is_empty(path("there")));
}

// One byte of config.json or of the header changed: refused with an Error, or still a model that can be read.
TEST_F(HfImport, MutatedFoldersAreRefusedOrReadable) {
  change([](Json&, test::Draft&) {});
  std::mt19937_64 random(99);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int readable = 0;
  for (const auto& [file, most] : {std::pair{"config.json", 1000}, {"model.safetensors", 3000}}) {
    const std::string good = read_text(path(std::string("changed/") + file), 1 << 20);
    const std::size_t length = std::min<std::size_t>(good.size(), static_cast<std::size_t>(most));
    for (int i = 0; i < 1000; ++i) {
      std::string bytes = good;
      bytes[below(length)] = "0123456789{}[]\",:tfn.-e "[below(24)];
      folder_.write(std::string("changed/") + file, bytes);
      try {
        const ModelFolder folder(path("changed"));
        for (std::size_t s = 0; s < folder.table().size(); s += 7) static_cast<void>(folder.read(static_cast<int>(s)));
        ++readable;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("changed"));
      }
    }
    folder_.write(std::string("changed/") + file, good);
  }
  EXPECT_GT(readable, 0);
  EXPECT_LT(readable, 1000);
}

}  // namespace
}  // namespace phalanx::hf
