"""BERT, RoBERTa and ModernBERT beside transformers: logits, losses, tokenizers, export, import."""
import json
import shutil

import torch
from safetensors.torch import load_file
from transformers import (AutoTokenizer, BertConfig, BertForMaskedLM, BertForPreTraining, ModernBertConfig,
                          ModernBertForMaskedLM, RobertaConfig, RobertaForMaskedLM)

from mixed_text import mixed_lines

LINES = 12000
TOLERANCE = 1e-5  # of logits in fp32
PAD = 0  # of the tokenizer that phalanx trains

CONFIG = """
run: {{name: interop, output: encoder_{name}, seed: 7}}
model: {{family: {family}, layers: {layers}, hidden: 36, heads: 3, ffn: 77, context: {context}, init_std: 0.15,
         activation: gelu_erf, token_types: {types}}}
objective: {{type: masked_lm, next_sentence: {pairs}, mask_probability: 0.15}}
data: {{train: [{{path: encoder_data/train}}]}}
training: {{steps: 3, global_batch: 4, micro_batch: 2}}
optimizer: {{learning_rate: 1.0e-2}}
evaluation: {{every: 0}}
metrics: {{prometheus: ""}}
"""
# Longer than a window of the modern encoder, whose layers 0 and 3 are global.
TRAINED = {
    "pretraining": dict(family="bert", layers=2, context=37, types=2, pairs="true"),
    "bert_masked": dict(family="bert", layers=2, context=37, types=2, pairs="false"),
    "roberta": dict(family="bert", layers=2, context=37, types=0, pairs="false"),
    "modern": dict(family="modern_encoder", layers=4, context=141, types=0, pairs="false"),
}
CLASSES = {"pretraining": BertForPreTraining, "bert_masked": BertForMaskedLM, "roberta": RobertaForMaskedLM,
           "modern": ModernBertForMaskedLM}


def check_encoders_train_and_export(tools):
    tools.write_jsonl("encoder_corpus.jsonl", [". ".join(mixed_lines(6, seed=s)) for s in range(900, 1300)])
    tools.run("tokenizer", "train", "--kind", "wordpiece", "--vocabulary", 2000, "--input", "encoder_corpus.jsonl",
              "--output", "encoder_tokenizer")
    tools.run("data", "prepare", "--tokenizer", "encoder_tokenizer", "--input", "encoder_corpus.jsonl", "--output",
              "encoder_data")
    for name, shape in TRAINED.items():
        tools.path(name + ".yaml").write_text(CONFIG.format(name=name, **shape))
        tools.run("train", name + ".yaml")
        export(tools, "encoder_" + name, "hf_" + name)
    export(tools, "encoder_pretraining", "hf_pretraining_bf16", "--dtype", "bf16")
    export(tools, "encoder_pretraining", "hf_pretraining_sharded", "--max-shard-size", "50kB")
    assert len(list(tools.path("hf_pretraining_sharded").glob("model-*.safetensors"))) > 3


def export(tools, checkpoint, name, *options):
    tools.run("export", "--checkpoint", checkpoint, "--output", name, "--logits", name + ".safetensors", *options)


def outputs_of(model, fixed):
    """Logits at the positions of the file, and of the next sentence where the model has them."""
    inputs = {key: fixed[key] for key in ("input_ids", "attention_mask", "token_type_ids") if key in fixed}
    with torch.no_grad():
        out = model.to(torch.float32).eval()(**inputs)
    logits = out.prediction_logits if "prediction_logits" in out else out.logits
    rows = torch.arange(logits.shape[0]).unsqueeze(1)
    return logits[rows, fixed["positions"]], out.get("seq_relationship_logits")


def compare(tools, name, model):
    fixed = load_file(tools.path(name + ".safetensors"))
    assert (fixed["attention_mask"] == 0).any(), "no padding"
    logits, sentences = outputs_of(model, fixed)
    assert logits.shape == fixed["logits"].shape, f"{logits.shape} {fixed['logits'].shape}"
    difference = (logits - fixed["logits"]).abs().max().item()
    assert difference <= TOLERANCE, f"logits differ by {difference}"
    spread = fixed["logits"].std().item()
    assert spread > 0.1, f"logits say nothing: standard deviation {spread}"
    figures = f"logits of spread {spread:.2f} differ by {difference:.1e}"
    assert (sentences is None) == ("next_sentence_logits" not in fixed)
    if sentences is not None:
        difference = (sentences - fixed["next_sentence_logits"]).abs().max().item()
        assert difference <= TOLERANCE, f"next-sentence logits differ by {difference}"
        figures += f", next sentence by {difference:.1e}"
    return figures


def compare_exported(tools, name, folder=None):
    folder = tools.path(folder or "hf_" + name)
    model, info = CLASSES[name].from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[key], f"{key}: {info[key]}"
    return compare(tools, folder.name, model)


def check_logits_of_bert(tools):
    assert "token_type_ids" in load_file(tools.path("hf_pretraining.safetensors"))
    return compare_exported(tools, "pretraining")


def check_logits_of_bert_in_bf16(tools):
    return compare_exported(tools, "pretraining", "hf_pretraining_bf16")


def check_logits_of_sharded_bert(tools):
    return compare_exported(tools, "pretraining", "hf_pretraining_sharded")


def check_logits_of_bert_for_masked_lm(tools):
    return compare_exported(tools, "bert_masked")


def check_logits_of_roberta(tools):
    return compare_exported(tools, "roberta")


def check_logits_of_the_modern_encoder(tools):
    return compare_exported(tools, "modern")


def check_losses_of_the_encoders_reports(tools):
    figures = []
    for name in TRAINED:
        report = json.loads((tools.path("hf_" + name) / "export_report.json").read_text())
        fixed = load_file(tools.path(f"hf_{name}.safetensors"))
        logits, sentences = outputs_of(CLASSES[name].from_pretrained(tools.path("hf_" + name)), fixed)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), fixed["targets"].flatten()).item()
        assert abs(loss - report["loss"]) <= 1e-5 * loss, f"{name}: {loss} {report['loss']}"
        figures.append(f"{name} {loss:.4f}")
        if sentences is not None:
            loss = torch.nn.functional.cross_entropy(sentences, fixed["next_sentence_label"]).item()
            assert abs(loss - report["next_sentence_loss"]) <= 1e-5 * loss, f"{loss} {report['next_sentence_loss']}"
    return ", ".join(figures)


def equal_ids(ours, tokenizer, texts):
    theirs = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert len(ours) == len(theirs) == len(texts), f"{len(ours)} {len(theirs)}"
    for text, a, b in zip(texts, ours, theirs):
        assert a == b, f"{text!r}: {a} {b}"
    return f"{len(texts)} lines, {sum(map(len, ours))} ids"


def folder_with(tools, name, source, files):
    folder = tools.path(name)
    folder.mkdir()
    for file in files:
        shutil.copy(tools.path(source) / file, folder)
    return folder


def check_wordpiece_ids_of_an_export(tools):
    texts = mixed_lines(LINES, seed=31)
    return equal_ids(tools.ids("encoder_tokenizer", texts), AutoTokenizer.from_pretrained(tools.path("hf_pretraining")),
                     texts)


def check_wordpiece_ids_of_the_classic_files(tools):
    folder = folder_with(tools, "wordpiece_classic", "hf_pretraining",
                         ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json"))
    texts = mixed_lines(LINES, seed=32)
    return equal_ids(tools.ids("encoder_tokenizer", texts), AutoTokenizer.from_pretrained(folder), texts)


def check_sequences_of_the_exports_tokenizers(tools):
    """Special tokens, token types and lengths as the models were trained."""
    for name in TRAINED:
        tokenizer = AutoTokenizer.from_pretrained(tools.path("hf_" + name))
        assert tokenizer.model_max_length == TRAINED[name]["context"], tokenizer.model_max_length
        out = tokenizer("abc", "def")
        tokens = tokenizer.convert_ids_to_tokens(out["input_ids"])
        assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and tokens.count("[SEP]") == 2, tokens
        assert ("token_type_ids" in out) == (TRAINED[name]["types"] == 2), out
        if "token_type_ids" in out:
            assert out["token_type_ids"] == [0] * (tokens.index("[SEP]") + 1) + [1] * (
                len(tokens) - tokens.index("[SEP]") - 1), out
        assert tokenizer.pad_token_id == PAD and tokenizer.mask_token == "[MASK]"


def check_masks_are_filled_alike(tools):
    for name in TRAINED:
        tokenizer = AutoTokenizer.from_pretrained(tools.path("hf_" + name))
        model = CLASSES[name].from_pretrained(tools.path("hf_" + name)).eval()
        text = "abc [MASK] def"
        ids = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            out = model(**ids)
        logits = out.prediction_logits if "prediction_logits" in out else out.logits
        at = (ids["input_ids"][0] == tokenizer.mask_token_id).nonzero().item()
        best = logits[0, at].softmax(-1).topk(3)
        ours = json.loads(tools.run("fill", "--checkpoint", "encoder_" + name, "--text", text, "--top", 3, "--json"))
        for theirs, token, mine in zip(best.values.tolist(), best.indices.tolist(), ours["masks"][0], strict=True):
            assert token == mine["id"] and abs(theirs - mine["probability"]) <= 1e-5, f"{name}: {mine} {token} {theirs}"


SIZES = dict(hidden_size=30, num_attention_heads=3, intermediate_size=71, vocab_size=307, initializer_range=0.2)


def random_model(kind, config):
    torch.manual_seed(11)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and gains, too, which begin as 0 and 1
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def random_bert(kind, **changes):
    return random_model(kind, BertConfig(num_hidden_layers=2, max_position_embeddings=29, **SIZES, **changes))


def random_roberta():
    return random_model(RobertaForMaskedLM, RobertaConfig(num_hidden_layers=2, max_position_embeddings=31,
                                                         type_vocab_size=1, layer_norm_eps=1e-5, **SIZES))


def random_modern():
    ids = dict(pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)
    return random_model(ModernBertForMaskedLM, ModernBertConfig(num_hidden_layers=4, max_position_embeddings=150,
                                                               **ids, **SIZES))


def import_and_compare(tools, name, model, unread=(), **saving):
    """A folder that transformers saved gives the same logits here, and goes out again with the same bits."""
    model.save_pretrained(tools.path("saved_" + name), **saving)
    tools.run("import", "--input", "saved_" + name, "--output", "imported_" + name)
    export(tools, "imported_" + name, "back_" + name)
    figures = compare(tools, "back_" + name, model)
    saved = tensors_of(tools.path("saved_" + name))
    back = tensors_of(tools.path("back_" + name))
    assert saved.keys() == back.keys(), saved.keys() ^ back.keys()
    for key, tensor in saved.items():
        rows = slice(unread[key] if key in unread else 0, None)
        assert torch.equal(tensor[rows].view(torch.int32), back[key][rows].view(torch.int32)), key
    return f"{figures}; {len(saved)} tensors"


def tensors_of(folder):
    tensors = {}
    for file in folder.glob("*.safetensors"):
        tensors.update(load_file(file))
    return tensors


def check_import_of_a_saved_bert(tools):
    return import_and_compare(tools, "pretraining", random_bert(BertForPreTraining))


def check_import_of_a_sharded_bert(tools):
    figures = import_and_compare(tools, "bert_shards", random_bert(BertForPreTraining), max_shard_size="30KB")
    assert len(list(tools.path("saved_bert_shards").glob("model-*.safetensors"))) > 1
    return figures


def check_import_of_a_bert_for_masked_lm(tools):
    return import_and_compare(tools, "bert_masked", random_bert(BertForMaskedLM, layer_norm_eps=1e-6))


def check_import_of_a_saved_roberta(tools):
    unread = {"roberta.embeddings.position_embeddings.weight": 2}  # rows of padding, which no token of a text has
    return import_and_compare(tools, "roberta", random_roberta(), unread)


def write_byte_level_folder(tools, name):
    """A byte-level vocabulary that phalanx trained, as RoBERTa has it: its special tokens first, the mask last."""
    tools.write_jsonl("byte_level.jsonl", mixed_lines(600, seed=41))
    tools.run("tokenizer", "train", "--vocabulary", 501, "--input", "byte_level.jsonl", "--output", "byte_level")
    trained = json.loads((tools.path("byte_level") / "vocab.json").read_text())
    texts = [text for text in sorted(trained, key=trained.get) if text != "<|endoftext|>"]
    folder = tools.path(name)
    folder.mkdir()
    every = ["<s>", "<pad>", "</s>", "<unk>", *texts, "<mask>"]
    (folder / "vocab.json").write_text(json.dumps({text: i for i, text in enumerate(every)}))
    shutil.copy(tools.path("byte_level") / "merges.txt", folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer"}))
    return folder, len(every)


def check_a_roberta_with_its_tokenizer(tools):
    folder, vocabulary = write_byte_level_folder(tools, "saved_byte_level")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = random_model(RobertaForMaskedLM, RobertaConfig(num_hidden_layers=1, max_position_embeddings=31,
                                                          type_vocab_size=1, **(SIZES | {"vocab_size": vocabulary})))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tools.run("import", "--input", folder, "--output", "imported_byte_level")
    export(tools, "imported_byte_level", "back_byte_level")
    compare(tools, "back_byte_level", model)
    texts = mixed_lines(LINES, seed=42)
    ours = tools.ids("back_byte_level", texts)
    equal_ids(ours, tokenizer, texts)
    back = AutoTokenizer.from_pretrained(tools.path("back_byte_level"))
    assert back.model_max_length == 29, back.model_max_length
    for role in ("cls_token", "sep_token", "pad_token", "mask_token", "unk_token", "bos_token", "eos_token"):
        assert getattr(back, role) == getattr(tokenizer, role), f"{role}: {getattr(back, role)}"
    pair = ("abc", "def")
    assert back(*pair)["input_ids"] == tokenizer(*pair)["input_ids"], back(*pair)
    return equal_ids(ours, back, texts)


def check_import_of_a_saved_modern_encoder(tools):
    return import_and_compare(tools, "modern", random_modern())


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
