// Export: what stands where in the folder, that it is proven, and that nothing is left when it is not.
#include "trainer/hf/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/sha256.h"
#include "tests/trainer/hf_fixture.h"
#include "trainer/hf/elements.h"
#include "trainer/hf/proof.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class HfExport : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  ExportReport export_to(const std::string& name, const std::string& checkpoint, ExportOptions options = {}) const {
    options.output = path(name);
    return export_model(checkpoint::read_manifest(checkpoint), options);
  }
  std::string refusal(const std::string& name, const std::string& checkpoint, const ExportOptions& options = {}) const {
    try {
      export_to(name, checkpoint, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "exported";
  }
  // Everything in the temporary folder.
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TemporaryFolder folder_;
  config::Config config_ = test::odd_config();
};

std::vector<float> floats(const test::Draft::Item& item) {
  std::vector<float> values(item.bytes.size() / 4);
  std::memcpy(values.data(), item.bytes.data(), item.bytes.size());
  return values;
}

TEST_F(HfExport, TensorsStandWhereGpt2KeepsThem) {
  export_to("out", test::make_checkpoint(folder_, config_));
  test::Draft file = test::Draft::of(path("out/model.safetensors"));
  EXPECT_EQ(file.items.size(), 4U + 3 * 12);
  const ParamTable table = make_network(network_options(config_))->parameters().table;
  const auto expect = [&](const std::string& ours, const std::string& theirs, std::vector<std::int64_t> shape,
                          bool transposed) {
    const test::Draft::Item& item = file.find("transformer." + theirs);
    EXPECT_EQ(item.info.shape, shape) << theirs;
    const auto s = static_cast<std::size_t>(std::ranges::find(table, ours, &ParamSpec::name) - table.begin());
    const std::vector<float> values = floats(item);
    const std::int64_t columns = shape.back();
    const auto count = static_cast<std::int64_t>(values.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t ours_at = transposed ? i % columns * shape[0] + i / columns : i;
      ASSERT_EQ(values[static_cast<std::size_t>(i)], test::value_of(table[s], s, ours_at)) << theirs << " " << i;
    }
  };
  expect("embedding.token", "wte.weight", {263, 12}, false);
  expect("embedding.position", "wpe.weight", {11, 12}, false);
  expect("layers.2.norm1.gamma", "h.2.ln_1.weight", {12}, false);
  expect("layers.1.attention.qkv.weight", "h.1.attn.c_attn.weight", {12, 36}, true);
  expect("layers.1.attention.qkv.bias", "h.1.attn.c_attn.bias", {36}, false);
  expect("layers.1.attention.out.weight", "h.1.attn.c_proj.weight", {12, 12}, true);
  expect("layers.0.mlp.up.weight", "h.0.mlp.c_fc.weight", {12, 22}, true);
  expect("layers.0.mlp.down.weight", "h.0.mlp.c_proj.weight", {22, 12}, true);
  expect("layers.0.mlp.down.bias", "h.0.mlp.c_proj.bias", {12}, false);
  expect("final_norm.beta", "ln_f.bias", {12}, false);
}

TEST_F(HfExport, EveryLayoutGivesTheSameFile) {
  export_to("serial", test::make_checkpoint(folder_, config_));
  for (const auto& [data, tensor] : {std::pair{3, 1}, {1, 2}, {2, 2}}) {
    const std::string name = str("out_", data, "_", tensor);
    export_to(name, test::make_checkpoint(folder_, config_, data, tensor));
    EXPECT_EQ(read_text(path(name + "/model.safetensors"), 1 << 20),
              read_text(path("serial/model.safetensors"), 1 << 20));
  }
}

TEST_F(HfExport, ShardsHoldWhatOneFileHolds) {
  const std::string checkpoint = test::make_checkpoint(folder_, config_, 2, 2);
  export_to("one", checkpoint);
  ExportOptions options;
  options.shard_bytes = 6000;  // less than the largest tensor, 263 x 12 fp32
  export_to("many", checkpoint, options);
  EXPECT_FALSE(fs::exists(path("many/model.safetensors")));
  const nlohmann::json index = test::read_json_file(path("many/model.safetensors.index.json"));
  std::map<std::string, std::string> all;
  std::set<std::string> files;
  for (const auto& [tensor, file] : index["weight_map"].items()) files.insert(file.get<std::string>());
  ASSERT_GT(files.size(), 3U);
  EXPECT_THAT(*files.begin(), ::testing::MatchesRegex("model-00001-of-0000[0-9].safetensors"));
  std::int64_t bytes = 0;
  for (const std::string& file : files) {
    EXPECT_LT(file == *files.begin() ? 0 : static_cast<std::int64_t>(fs::file_size(path("many/" + file))), 8000);
    for (auto& [name, content] : test::tensor_bytes(path("many/" + file))) {
      EXPECT_EQ(index["weight_map"]["transformer." + name], file);
      bytes += static_cast<std::int64_t>(content.size()) - 3;
      all[name] = content;
    }
  }
  EXPECT_EQ(index["metadata"]["total_size"], bytes);
  EXPECT_EQ(all, test::tensor_bytes(path("one/model.safetensors")));
}

TEST_F(HfExport, ConfigSaysWhatTheModelIs) {
  ExportOptions options;
  options.dtype = DType::bf16;
  export_to("out", test::make_checkpoint(folder_, config_), options);
  const nlohmann::json expected = {{"architectures", {"GPT2LMHeadModel"}},
                                   {"model_type", "gpt2"},
                                   {"n_embd", 12},
                                   {"n_layer", 3},
                                   {"n_head", 4},
                                   {"n_inner", 22},
                                   {"n_positions", 11},
                                   {"n_ctx", 11},
                                   {"vocab_size", 263},
                                   {"activation_function", "gelu"},
                                   {"layer_norm_epsilon", 1e-5},
                                   {"embd_pdrop", 0.25},
                                   {"resid_pdrop", 0.25},
                                   {"attn_pdrop", 0.125},
                                   {"initializer_range", 0.03},
                                   {"scale_attn_weights", true},
                                   {"scale_attn_by_inverse_layer_idx", false},
                                   {"reorder_and_upcast_attn", false},
                                   {"tie_word_embeddings", true},
                                   {"use_cache", true},
                                   {"bos_token_id", 259},
                                   {"eos_token_id", 259},
                                   {"dtype", "bfloat16"},
                                   {"torch_dtype", "bfloat16"}};
  EXPECT_EQ(test::read_json_file(path("out/config.json")), expected);
  const nlohmann::json generation = test::read_json_file(path("out/generation_config.json"));
  EXPECT_EQ(generation["eos_token_id"], 259);
}

TEST_F(HfExport, TokenizerFilesComeAlongInBothForms) {
  export_to("out", test::make_checkpoint(folder_, config_));
  for (const char* name : {"/vocab.json", "/merges.txt"}) {
    EXPECT_EQ(read_text(path("out") + name, 1 << 20), read_text(path("tokenizer") + name, 1 << 20));
  }
  const nlohmann::json config = test::read_json_file(path("out/tokenizer_config.json"));
  EXPECT_EQ(config["model_max_length"], 11);
  EXPECT_EQ(config["eos_token"], "<|endoftext|>");
  EXPECT_EQ(test::read_json_file(path("out/special_tokens_map.json"))["bos_token"], "<|endoftext|>");
  fs::create_directories(path("json"));
  fs::copy(path("out/tokenizer.json"), path("json/tokenizer.json"));
  EXPECT_EQ(data::load_tokenizer(path("json"))->digest(), data::load_tokenizer(path("tokenizer"))->digest());
}

TEST_F(HfExport, TheReportHoldsTheEvidence) {
  const ExportReport report = export_to("out", test::make_checkpoint(folder_, config_, 1, 2));
  const nlohmann::json json = test::read_json_file(path("out/export_report.json"));
  EXPECT_EQ(json["max_logit_difference"], 0.0);
  EXPECT_EQ(json["loss"], report.loss);
  EXPECT_GT(report.loss, 1.0);
  EXPECT_LT(report.loss, 20.0);
  EXPECT_EQ(json["sequences"], 8);
  EXPECT_EQ(json["positions"], nlohmann::json({0, 1, 4, 7, 10}));
  EXPECT_EQ(json["logits"], 8 * 5 * 263);
  std::size_t others = 0;
  for (const auto& entry : fs::directory_iterator(path("out"))) {
    const std::string name = entry.path().filename().string();
    if (name == "export_report.json") continue;
    ++others;
    EXPECT_EQ(json["files"][name]["sha256"], sha256_hex(read_text(entry.path().string(), 1 << 20))) << name;
  }
  EXPECT_EQ(json["files"].size(), others);
}

TEST_F(HfExport, ShortTypesHoldTheNearestValues) {
  const std::string checkpoint = test::make_checkpoint(folder_, config_);
  export_to("fp32", checkpoint);
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const std::string name(name_of(dtype));
    ExportOptions options;
    options.dtype = dtype;
    export_to(name, checkpoint, options);
    test::Draft short_file = test::Draft::of(path(name + "/model.safetensors"));
    test::Draft full_file = test::Draft::of(path("fp32/model.safetensors"));
    for (const test::Draft::Item& item : full_file.items) {
      std::vector<float> rounded = floats(item);
      const auto count = static_cast<std::int64_t>(rounded.size());
      round_values(rounded.data(), count, dtype);
      std::vector<float> decoded(rounded.size());
      const test::Draft::Item& found = short_file.find(item.info.name);
      decode(reinterpret_cast<const std::byte*>(found.bytes.data()), count, dtype, decoded.data());
      ASSERT_EQ(decoded, rounded) << item.info.name;
    }
  }
}

float value_beyond_half(const ParamSpec& spec, std::size_t index, std::int64_t global) {
  return spec.name == "layers.1.mlp.down.bias" && global == 3 ? 1e6F : test::value_of(spec, index, global);
}

TEST_F(HfExport, ValuesBeyondHalfPrecisionAreRefusedByName) {
  const std::string checkpoint = test::make_checkpoint(folder_, config_, 1, 1, value_beyond_half);
  const std::vector<std::string> before = entries();
  ExportOptions options;
  options.dtype = DType::f16;
  EXPECT_THAT(
      refusal("out", checkpoint, options),
      AllOf(HasSubstr("transformer.h.1.mlp.c_proj.bias: 1 values are too large for fp16"), HasSubstr("--dtype")));
  EXPECT_EQ(entries(), before);
  EXPECT_EQ(refusal("out", checkpoint), "exported");
}

float value_not_finite(const ParamSpec& spec, std::size_t index, std::int64_t global) {
  return spec.name == "final_norm.beta" && global == 3 ? NAN : test::value_of(spec, index, global);
}

TEST_F(HfExport, WhatFailsLeavesNothing) {
  const std::string checkpoint = test::make_checkpoint(folder_, config_);
  const std::string diverged = test::make_checkpoint(folder_, config_, 2, 1, value_not_finite);
  fs::create_directories(path("taken"));
  const std::vector<std::string> before = entries();
  EXPECT_THAT(refusal("taken", checkpoint), HasSubstr("taken: is there already"));
  EXPECT_THAT(refusal("out", diverged), HasSubstr("logits are not finite"));
  EXPECT_THAT(refusal("tokenizer/vocab.json/out", checkpoint), HasSubstr("cannot be written"));
  {
    std::fstream file(checkpoint + "/rank_00000.h5", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20'000);
    file.write("damaged", 7);
  }
  EXPECT_THAT(refusal("out", checkpoint), HasSubstr("rank_00000.h5"));
  EXPECT_EQ(entries(), before);
}

TEST_F(HfExport, EvidenceTellsAFolderWithOneWeightMoved) {
  const std::string checkpoint = test::make_checkpoint(folder_, config_);
  export_to("out", checkpoint);
  const ProofInputs inputs(config_, {});
  const Evidence good = evidence_of(ModelFolder(path("out")), inputs);
  test::Draft file = test::Draft::of(path("out/model.safetensors"));
  std::string& bytes = file.find("transformer.h.2.attn.c_attn.weight").bytes;
  std::swap_ranges(bytes.begin(), bytes.begin() + 4, bytes.begin() + 40);
  file.write(path("out/model.safetensors"));
  const Evidence moved = evidence_of(ModelFolder(path("out")), inputs);
  EXPECT_NE(moved.weights, good.weights);
  EXPECT_GT(largest_difference(moved, good), 1e-6);
  EXPECT_NE(moved.loss, good.loss);
  EXPECT_NO_THROW(require_equal(good, evidence_of(checkpoint::read_manifest(checkpoint), DType::f32, inputs)));
  EXPECT_THROW(require_equal(good, moved), Error);
  Evidence loss_alone = good;
  loss_alone.loss += 1e-9;
  EXPECT_THROW(require_equal(good, loss_alone), Error);
}

// All branches give zero and the embeddings are so small that the variance is near epsilon: the logits show it.
float value_near_epsilon(const ParamSpec& spec, std::size_t index, std::int64_t global) {
  if (spec.layer >= 0) return 0.0F;
  return (spec.name.starts_with("embedding") ? 0.015F : 1.0F) * test::value_of(spec, index, global);
}

TEST_F(HfExport, TheEpsilonOfTheConfigIsTheOneOfTheModel) {
  ExportOptions options;
  options.logits = path("logits.safetensors");
  export_to("out", test::make_checkpoint(folder_, config_, 1, 1, value_near_epsilon), options);
  const double epsilon = test::read_json_file(path("out/config.json"))["layer_norm_epsilon"].get<double>();
  test::Draft weights = test::Draft::of(path("out/model.safetensors"));
  const auto read = [&](const char* name) { return floats(weights.find(name)); };
  const std::vector<float> wte = read("transformer.wte.weight"), wpe = read("transformer.wpe.weight");
  const std::vector<float> gamma = read("transformer.ln_f.weight"), beta = read("transformer.ln_f.bias");
  test::Draft evidence = test::Draft::of(options.logits);
  std::int64_t token = 0;
  std::memcpy(&token, evidence.find("tokens").bytes.data(), 8);
  const std::vector<float> logits = floats(evidence.find("logits"));

  constexpr std::size_t C = 12;
  std::vector<double> x(C);
  double mean = 0, variance = 0;
  for (std::size_t c = 0; c < C; ++c) mean += (x[c] = wte[static_cast<std::size_t>(token) * C + c] + wpe[c]) / C;
  for (std::size_t c = 0; c < C; ++c) variance += (x[c] - mean) * (x[c] - mean) / C;
  ASSERT_LT(variance, 2e-5);
  for (std::size_t v = 0; v < 263; ++v) {
    double expected = 0;
    for (std::size_t c = 0; c < C; ++c) {
      expected += wte[v * C + c] * ((x[c] - mean) / std::sqrt(variance + epsilon) * gamma[c] + beta[c]);
    }
    ASSERT_NEAR(logits[v], expected, 1e-6) << v;  // some 12 products of 0.003
  }
}

}  // namespace
}  // namespace phalanx::hf
