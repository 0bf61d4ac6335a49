// BERT, RoBERTa and the modern encoder as folders: what stands where, that it comes back to the bit, and what is
// refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <set>

#include "tests/trainer/hf_fixture.h"
#include "trainer/hf/export.h"
#include "trainer/hf/import.h"
#include "trainer/hf/model_folder.h"
#include "trainer/hf/proof.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

struct Kind {
  const char* name;
  const char* family;
  std::int64_t token_types;
  bool next_sentence;
  const char* architecture;
  test::WriteTokenizer write_tokenizer;
};
constexpr Kind kPretraining{"bert", "bert", 2, true, "BertForPreTraining", test::write_wordpiece_folder};
constexpr Kind kMaskedLm{"bert_masked", "bert", 2, false, "BertForMaskedLM", test::write_wordpiece_folder};
constexpr Kind kRoberta{"roberta", "bert", 0, false, "RobertaForMaskedLM", test::write_roberta_folder};
constexpr Kind kRobertaWithType{"roberta_type", "bert", 1, false, "RobertaForMaskedLM", test::write_wordpiece_folder};
constexpr Kind kModern{"modern", "modern_encoder", 0, false, "ModernBertForMaskedLM", test::write_wordpiece_folder};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

config::Config config_of(const Kind& kind) {
  config::Config config;
  config.model = {.family = kind.family,
                  .layers = 2,
                  .hidden = 12,
                  .heads = 2,  // the modern encoder turns pairs of a head
                  .ffn = {22},
                  .context = 11,
                  .vocabulary = {267},
                  .dropout = 0.25,
                  .attention_dropout = 0.125,
                  .activation = "gelu_erf",
                  .token_types = {kind.token_types},
                  .init_std = 0.03};
  config.objective.type = "masked_lm";
  config.objective.next_sentence = kind.next_sentence;
  return config::resolve_sizes(config, 1);
}

class HfEncoder : public testing::TestWithParam<Kind> {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string checkpoint_of(const Kind& kind, int data = 1, int tensor = 1) const {
    return test::make_checkpoint(folder_, config_of(kind), data, tensor, test::value_of, kind.write_tokenizer);
  }
  ExportReport export_to(const std::string& name, const std::string& checkpoint, DType dtype = DType::f32) const {
    return export_model(checkpoint::read_manifest(checkpoint::resolve(checkpoint)),
                        {.output = path(name), .dtype = dtype, .logits = path(name + ".logits")});
  }
  [[nodiscard]] std::string weights(const std::string& name) const {
    return read_text(path(name + "/model.safetensors"), 1 << 20);
  }
  // Folder "good", which is exported at first use, changed and imported: the checkpoint's folder, or the refusal.
  std::string import_changed(const Kind& kind, const std::function<void(Json& config, test::Draft& weights)>& edit) {
    if (!fs::exists(path("good"))) export_to("good", checkpoint_of(kind));
    fs::remove_all(path("changed"));
    fs::remove_all(path("imported"));
    fs::copy(path("good"), path("changed"), fs::copy_options::recursive);
    Json config = test::read_json_file(path("good/config.json"));
    test::Draft weights = test::Draft::of(path("good/model.safetensors"));
    edit(config, weights);
    folder_.write("changed/config.json", config.dump());
    weights.write(path("changed/model.safetensors"));
    try {
      return import_model(path("changed"), path("imported")).checkpoint;
    } catch (const Error& error) {
      EXPECT_FALSE(fs::exists(path("imported")));
      return error.what();
    }
  }
  std::string with(const Kind& kind, const char* key, const Json& value) {
    return import_changed(kind, [&](Json& config, test::Draft&) { config[key] = value; });
  }

  test::TemporaryFolder folder_;
};

std::vector<float> floats(const test::Draft::Item& item) {
  std::vector<float> values(item.bytes.size() / 4);
  std::memcpy(values.data(), item.bytes.data(), item.bytes.size());
  return values;
}

TEST_P(HfEncoder, GoesOutAndInAndOutAgainWithTheSameBytesFromAnyLayout) {
  const Kind& kind = GetParam();
  export_to("out", checkpoint_of(kind));
  EXPECT_EQ(test::read_json_file(path("out/config.json"))["architectures"], Json::array({kind.architecture}));
  EXPECT_FALSE(fs::exists(path("out/generation_config.json")));
  import_model(path("out"), path("in"));
  export_to("again", path("in"));
  for (const auto& entry : fs::directory_iterator(path("out"))) {
    const std::string file = "/" + entry.path().filename().string();
    if (file == "/export_report.json") continue;
    EXPECT_EQ(read_text(path("again") + file, 1 << 20), read_text(path("out") + file, 1 << 20)) << file;
  }
  export_to("layout", checkpoint_of(kind, 2, 2));
  EXPECT_EQ(weights("layout"), weights("out"));
  EXPECT_EQ(read_text(path("layout.logits"), 1 << 20), read_text(path("out.logits"), 1 << 20));
  export_to("bf16", checkpoint_of(kind), DType::bf16);
  import_model(path("bf16"), path("in_bf16"));
  export_to("again_bf16", path("in_bf16"), DType::bf16);
  EXPECT_EQ(weights("again_bf16"), weights("bf16"));
}

TEST_P(HfEncoder, AMissingTensorOrAnotherShapeIsRefusedByName) {
  const Kind& kind = GetParam();
  export_to("good", checkpoint_of(kind));
  const std::size_t tensors = test::Draft::of(path("good/model.safetensors")).items.size();
  for (std::size_t i = 0; i < tensors; ++i) {
    std::string name;
    EXPECT_THAT(import_changed(kind,
                               [&](Json&, test::Draft& weights) {
                                 name = weights.items[i].info.name;
                                 weights.items.erase(weights.items.begin() + static_cast<std::ptrdiff_t>(i));
                               }),
                HasSubstr("holds no tensor " + name));
  }
  EXPECT_THAT(with(kind, "vocab_size", 266), HasSubstr("by config.json it is (266, 12)"));
  EXPECT_THAT(import_changed(kind,
                             [](Json& config, test::Draft&) {
                               config["num_hidden_layers"] = 1;
                               config.erase("layer_types");
                             }),
              HasSubstr("which is no part of a"));
  EXPECT_THAT(with(kind, "num_attention_heads", 5), HasSubstr("model.heads"));
  EXPECT_THAT(with(kind, "tie_word_embeddings", false), HasSubstr("tie_word_embeddings is false"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, HfEncoder,
                         testing::Values(kPretraining, kMaskedLm, kRoberta, kRobertaWithType, kModern),
                         [](const auto& kind) { return kind.param.name; });

class HfEncoderNames : public HfEncoder {
 protected:
  // Elements [first, ...) of our parameter are tensor `theirs`, in this order.
  void expect(const Kind& kind, const std::string& ours, const std::string& theirs,
              const std::vector<std::int64_t>& shape, std::int64_t first = 0, std::int64_t zeros = 0) {
    const ParamTable table = make_network(network_options(config_of(kind)))->parameters().table;
    const auto s = static_cast<std::size_t>(std::ranges::find(table, ours, &ParamSpec::name) - table.begin());
    ASSERT_LT(s, table.size()) << ours;
    test::Draft file = test::Draft::of(path("out/model.safetensors"));
    const test::Draft::Item& item = file.find(theirs);
    EXPECT_EQ(item.info.shape, shape) << theirs;
    const std::vector<float> values = floats(item);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i) - zeros;
      ASSERT_EQ(values[i], at < 0 ? 0.0F : test::value_of(table[s], s, first + at)) << theirs << " " << i;
    }
  }
};

TEST_F(HfEncoderNames, BertKeepsQueriesKeysAndValuesApart) {
  export_to("out", checkpoint_of(kPretraining));
  const std::string layer = "bert.encoder.layer.1.";
  expect(kPretraining, "embedding.token", "bert.embeddings.word_embeddings.weight", {267, 12});
  expect(kPretraining, "token_type_embedding.weight", "bert.embeddings.token_type_embeddings.weight", {2, 12});
  expect(kPretraining, "layers.1.attention.qkv.weight", layer + "attention.self.query.weight", {12, 12});
  expect(kPretraining, "layers.1.attention.qkv.weight", layer + "attention.self.key.weight", {12, 12}, 144);
  expect(kPretraining, "layers.1.attention.qkv.weight", layer + "attention.self.value.weight", {12, 12}, 288);
  expect(kPretraining, "layers.1.attention.qkv.bias", layer + "attention.self.value.bias", {12}, 24);
  expect(kPretraining, "layers.1.norm1.gamma", layer + "attention.output.LayerNorm.weight", {12});
  expect(kPretraining, "layers.1.mlp.up.weight", layer + "intermediate.dense.weight", {22, 12});
  expect(kPretraining, "layers.1.norm2.beta", layer + "output.LayerNorm.bias", {12});
  expect(kPretraining, "pooler.weight", "bert.pooler.dense.weight", {12, 12});
  expect(kPretraining, "mlm.bias", "cls.predictions.bias", {267});
  expect(kPretraining, "next_sentence.weight", "cls.seq_relationship.weight", {2, 12});
}

TEST_F(HfEncoderNames, RobertaCountsPositionsFromBehindThePaddingId) {
  export_to("out", checkpoint_of(kRoberta));  // <pad> is 1
  expect(kRoberta, "embedding.position", "roberta.embeddings.position_embeddings.weight", {13, 12}, 0, 24);
  const Json config = test::read_json_file(path("out/config.json"));
  EXPECT_EQ(config["max_position_embeddings"], 13);
  EXPECT_EQ(config["pad_token_id"], 1);
  EXPECT_EQ(config["bos_token_id"], 0);
  EXPECT_EQ(config["eos_token_id"], 2);
  EXPECT_EQ(config["type_vocab_size"], 1);
  EXPECT_EQ(test::read_json_file(path("out/tokenizer_config.json"))["model_max_length"], 11);
  test::Draft file = test::Draft::of(path("out/model.safetensors"));
  EXPECT_EQ(floats(file.find("roberta.embeddings.token_type_embeddings.weight")), std::vector<float>(12));
  EXPECT_EQ(ModelFolder(path("out")).config().model.token_types.value, 0);
}

TEST_F(HfEncoderNames, RobertaOfATokenizerWithAnotherPaddingIdMovesItsPositions) {
  export_to("out", checkpoint_of(kRobertaWithType));  // [PAD] is 2
  expect(kRobertaWithType, "embedding.position", "roberta.embeddings.position_embeddings.weight", {14, 12}, 0, 36);
  expect(kRobertaWithType, "token_type_embedding.weight", "roberta.embeddings.token_type_embeddings.weight", {1, 12});
  EXPECT_EQ(ModelFolder(path("out")).config().model.token_types.value, 1);
}

TEST_F(HfEncoderNames, TheModernEncoderKeepsFusedMatrices) {
  export_to("out", checkpoint_of(kModern));
  expect(kModern, "layers.1.attention.qkv.weight", "model.layers.1.attn.Wqkv.weight", {36, 12});
  expect(kModern, "layers.0.mlp.up.weight", "model.layers.0.mlp.Wi.weight", {44, 12});
  expect(kModern, "layers.1.norm1.gamma", "model.layers.1.attn_norm.weight", {12});
  expect(kModern, "mlm.bias", "decoder.bias", {267});
  const Json config = test::read_json_file(path("out/config.json"));
  EXPECT_EQ(config["layer_types"], Json({"full_attention", "sliding_attention"}));
  EXPECT_EQ(config["rope_parameters"]["sliding_attention"]["rope_theta"], 10000.0);
  EXPECT_EQ(config["global_attn_every_n_layers"], 3);
}

TEST_F(HfEncoderNames, ConfigSaysWhatABertIs) {
  config::Config own = config_of(kPretraining);
  own.model.norm_epsilon = 1e-7;
  export_to("out", test::make_checkpoint(folder_, own, 1, 1, test::value_of, test::write_wordpiece_folder));
  const Json expected = {{"architectures", {"BertForPreTraining"}},
                         {"model_type", "bert"},
                         {"vocab_size", 267},
                         {"hidden_size", 12},
                         {"num_hidden_layers", 2},
                         {"num_attention_heads", 2},
                         {"intermediate_size", 22},
                         {"hidden_act", "gelu"},
                         {"hidden_dropout_prob", 0.25},
                         {"attention_probs_dropout_prob", 0.125},
                         {"max_position_embeddings", 11},
                         {"type_vocab_size", 2},
                         {"initializer_range", 0.03},
                         {"layer_norm_eps", 1e-7},
                         {"position_embedding_type", "absolute"},
                         {"is_decoder", false},
                         {"add_cross_attention", false},
                         {"tie_word_embeddings", true},
                         {"pad_token_id", 2},
                         {"dtype", "float32"},
                         {"torch_dtype", "float32"}};
  EXPECT_EQ(test::read_json_file(path("out/config.json")), expected);
  const config::Config back = ModelFolder(path("out")).config();
  EXPECT_EQ(back.model, own.model);
  EXPECT_EQ(back.objective, own.objective);
}

TEST_F(HfEncoderNames, WordPieceComesAlongInBothForms) {
  export_to("out", checkpoint_of(kPretraining));
  const std::string digest = data::load_tokenizer(path("tokenizer"))->digest();
  EXPECT_EQ(read_text(path("out/vocab.txt"), 1 << 20), read_text(path("tokenizer/vocab.txt"), 1 << 20));
  const Json configuration = test::read_json_file(path("out/tokenizer_config.json"));
  EXPECT_EQ(configuration["model_max_length"], 11);
  EXPECT_EQ(configuration["do_lower_case"], true);
  EXPECT_EQ(configuration["strip_accents"], false);
  EXPECT_FALSE(configuration.contains("model_input_names"));
  EXPECT_EQ(test::read_json_file(path("out/special_tokens_map.json"))["mask_token"], "[MASK]");
  const Json pair = test::read_json_file(path("out/tokenizer.json"))["post_processor"]["pair"];
  EXPECT_EQ(pair.size(), 5U);
  EXPECT_EQ(pair[4]["SpecialToken"]["type_id"], 1);
  fs::create_directories(path("json"));
  fs::copy(path("out/tokenizer.json"), path("json/tokenizer.json"));
  EXPECT_EQ(data::load_tokenizer(path("json"))->digest(), digest);
}

TEST_F(HfEncoderNames, RobertasTokenizerNamesItsRoles) {
  export_to("out", checkpoint_of(kRoberta));
  const Json configuration = test::read_json_file(path("out/tokenizer_config.json"));
  EXPECT_EQ(configuration["tokenizer_class"], "RobertaTokenizer");
  EXPECT_EQ(configuration["model_input_names"], Json({"input_ids", "attention_mask"}));
  const Json roles = test::read_json_file(path("out/special_tokens_map.json"));
  EXPECT_EQ(roles["cls_token"], "<s>");
  EXPECT_EQ(roles["pad_token"], "<pad>");
  EXPECT_EQ(roles["bos_token"], "<s>");
  EXPECT_EQ(test::read_json_file(path("out/tokenizer.json"))["post_processor"]["pair"].size(), 6U);
}

TEST_F(HfEncoderNames, TheProofsInputsHavePaddingSegmentsAndLabels) {
  const ProofInputs inputs(config_of(kPretraining), {.end_of_text = {}, .pad = 2, .cls = {}, .sep = {}});
  std::set<std::int32_t> lengths;
  for (const Batch& batch : inputs.batches) {
    const std::int32_t length = batch.document_end[0];
    lengths.insert(length);
    for (int t = 0; t < batch.T; ++t) EXPECT_EQ(batch.tokens[static_cast<std::size_t>(t)] == 2, t >= length);
    EXPECT_EQ(batch.slots.front(), 0);
    EXPECT_EQ(batch.slots.back(), length - 1);
    EXPECT_EQ(batch.token_types[static_cast<std::size_t>(length) - 1], 1);
  }
  EXPECT_GT(lengths.size(), 4U);
  EXPECT_EQ(*lengths.rbegin(), 11);
  const ExportReport report = export_to("out", checkpoint_of(kPretraining));
  const Json json = test::read_json_file(path("out/export_report.json"));
  EXPECT_EQ(json["max_logit_difference"], 0.0);
  EXPECT_EQ(json["loss"], report.loss);
  EXPECT_GT(json["next_sentence_loss"], 0.01);
  EXPECT_EQ(json["logits"], 8 * 5 * 267);
}

TEST_F(HfEncoderNames, AnActivationThatBertCannotExpressIsRefused) {
  config::Config config = config_of(kPretraining);
  config.model.activation = "gelu_tanh";
  const std::string checkpoint =
      test::make_checkpoint(folder_, config, 1, 1, test::value_of, test::write_wordpiece_folder);
  try {
    export_to("out", checkpoint);
    FAIL() << "exported";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.activation: gelu_tanh cannot be exported: a BertForPreTraining"));
  }
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(HfEncoderNames, OlderFormsOfABertComeIn) {
  const std::string in = import_changed(kPretraining, [](Json& config, test::Draft& weights) {
    config["architectures"] = {"BertForMaskedLM"};  // as bert-base-uncased has it
    config.erase("position_embedding_type");
    for (test::Draft::Item& item : weights.items) {
      std::string& name = item.info.name;
      const std::size_t at = name.find("LayerNorm.");
      if (at != std::string::npos) name.replace(at + 10, 6, name.ends_with("weight") ? "gamma" : "beta");
    }
    const auto again = [&](const char* from, const char* to) {
      test::Draft::Item copy = weights.find(from);
      copy.info.name = to;
      weights.items.push_back(copy);
    };
    again("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight");
    again("cls.predictions.bias", "cls.predictions.decoder.bias");
    weights.items.push_back({{.name = "bert.embeddings.position_ids", .dtype = "I64", .shape = {1, 11}},
                             std::string(std::size_t{88}, '\0')});
  });
  ASSERT_TRUE(fs::exists(in)) << in;
  export_to("again", in);
  EXPECT_EQ(weights("again"), weights("good"));
}

TEST_F(HfEncoderNames, APoolerThatPredictsNothingIsLeftOut) {
  const std::string in = import_changed(kMaskedLm, [](Json&, test::Draft& weights) {
    weights.items.push_back(
        {{.name = "bert.pooler.dense.bias", .dtype = "F32", .shape = {12}}, std::string(std::size_t{48}, '\1')});
  });
  ASSERT_TRUE(fs::exists(in)) << in;
  export_to("again", in);
  EXPECT_EQ(weights("again"), weights("good"));
}

TEST_F(HfEncoderNames, RowsOfPaddingsPositionsDoNotMatter) {
  const std::string in = import_changed(kRoberta, [](Json&, test::Draft& weights) {
    std::string& bytes = weights.find("roberta.embeddings.position_embeddings.weight").bytes;
    std::fill_n(bytes.begin(), std::ptrdiff_t{2 * 12 * 4}, '\x11');
  });
  ASSERT_TRUE(fs::exists(in)) << in;
  export_to("again", in);
  EXPECT_EQ(weights("again"), weights("good"));
}

TEST_F(HfEncoderNames, WhatThisProgramsBertComputesOtherwiseIsRefusedByKey) {
  EXPECT_THAT(with(kPretraining, "hidden_act", "relu"), HasSubstr("hidden_act: relu is not supported"));
  EXPECT_THAT(with(kPretraining, "hidden_act", "gelu_new"), HasSubstr("hidden_act: this program's head"));
  EXPECT_THAT(with(kPretraining, "type_vocab_size", 3), HasSubstr("type_vocab_size is 3"));
  EXPECT_THAT(with(kPretraining, "is_decoder", true), HasSubstr("is_decoder is true"));
  EXPECT_THAT(with(kPretraining, "position_embedding_type", "relative_key"),
              HasSubstr("position_embedding_type is relative_key"));
  EXPECT_THAT(with(kPretraining, "max_position_embeddings", nullptr), HasSubstr("has no max_position_embeddings"));
  EXPECT_THAT(with(kPretraining, "architectures", {"BertForQuestionAnswering"}),
              AllOf(HasSubstr("BertForQuestionAnswering is not supported"), HasSubstr("known: GPT2LMHeadModel"),
                    HasSubstr("BertForPreTraining"), HasSubstr("ModernBertForMaskedLM")));
}

TEST_F(HfEncoderNames, WhatThisProgramsRobertaComputesOtherwiseIsRefusedByKey) {
  EXPECT_THAT(with(kRoberta, "type_vocab_size", 2), HasSubstr("type_vocab_size is 2"));
  EXPECT_THAT(with(kRoberta, "pad_token_id", 12), HasSubstr("pad_token_id (12) leaves none"));
  EXPECT_THAT(with(kRoberta, "pad_token_id", -1), HasSubstr("pad_token_id must be a token's id"));
}

TEST_F(HfEncoderNames, WhatThisProgramsModernEncoderComputesOtherwiseIsRefusedByKey) {
  for (const char* key : {"norm_bias", "attention_bias", "mlp_bias", "classifier_bias"}) {
    EXPECT_THAT(with(kModern, key, true), HasSubstr(str(key, " is true")));
  }
  EXPECT_THAT(with(kModern, "decoder_bias", false), HasSubstr("decoder_bias is false"));
  EXPECT_THAT(with(kModern, "local_attention", 64), HasSubstr("local_attention is 64"));
  EXPECT_THAT(with(kModern, "global_attn_every_n_layers", 2), HasSubstr("global_attn_every_n_layers is 2"));
  EXPECT_THAT(with(kModern, "classifier_activation", "silu"), HasSubstr("classifier_activation is silu"));
  EXPECT_THAT(with(kModern, "layer_types", {"full_attention", "full_attention"}), HasSubstr("layer_types: layer 1"));
  EXPECT_THAT(with(kModern, "rope_parameters", {{"full_attention", {{"rope_type", "yarn"}}}}),
              HasSubstr("rope_parameters.full_attention: rope_type is yarn"));
  EXPECT_THAT(with(kModern, "rope_parameters", {{"sliding_attention", {{"rope_theta", 1e6}}}}),
              HasSubstr("rope_parameters.sliding_attention: rope_theta is 1e+06"));
  EXPECT_THAT(with(kModern, "rope_scaling", {{"type", "linear"}}), HasSubstr("rope_scaling"));
}

}  // namespace
}  // namespace phalanx::hf
