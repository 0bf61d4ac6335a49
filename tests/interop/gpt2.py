"""GPT-2 beside transformers: tokenizer, export, import."""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2Model

from harness import Skipped
from mixed_text import mixed_lines

LINES = 12000
TOLERANCE = 1e-5  # of logits in fp32

CONFIG = """
run: {{name: interop, output: run_{name}, seed: 7}}
model: {{layers: 3, hidden: 36, heads: 3, ffn: 77, context: 23, activation: {activation}, init_std: 0.15}}
data: {{train: [{{path: data/train}}]}}
training: {{steps: 3, global_batch: 4, micro_batch: 2}}
optimizer: {{learning_rate: 1.0e-2}}
evaluation: {{every: 0}}
metrics: {{prometheus: ""}}
"""


def check_short_training_runs_export(tools):
    tools.write_jsonl("corpus.jsonl", mixed_lines(600, seed=1))
    tools.run("tokenizer", "train", "--vocabulary", 501, "--input", "corpus.jsonl", "--output", "tokenizer")
    tools.run("data", "prepare", "--tokenizer", "tokenizer", "--input", "corpus.jsonl", "--output", "data")
    for name in ("gelu_tanh", "gelu_erf"):
        tools.path(name + ".yaml").write_text(CONFIG.format(name=name, activation=name))
        tools.run("train", name + ".yaml")
    for dtype in ("fp32", "bf16", "fp16"):
        export(tools, "run_gelu_tanh", dtype, "--dtype", dtype)
    export(tools, "run_gelu_erf", "erf")
    export(tools, "run_gelu_tanh", "sharded", "--max-shard-size", "20kB")
    assert len(list(tools.path("sharded").glob("model-*.safetensors"))) > 3


def export(tools, checkpoint, name, *options):
    tools.run("export", "--checkpoint", checkpoint, "--output", name, "--logits", name + ".safetensors", *options)


def logits_of(model, tokens):
    with torch.no_grad():
        return model.to(torch.float32).eval()(tokens).logits


def compare_logits(tools, name, model=None):
    """Largest difference between the logits that export wrote and those of transformers on the same tokens."""
    model = model or AutoModelForCausalLM.from_pretrained(tools.path(name), dtype=torch.float32)
    ours = load_file(tools.path(name + ".safetensors"))
    theirs = logits_of(model, ours["tokens"][:, :-1])[:, ours["positions"]]
    assert theirs.shape == ours["logits"].shape, f"{theirs.shape} {ours['logits'].shape}"
    difference = (theirs - ours["logits"]).abs().max().item()
    assert difference <= TOLERANCE, f"logits differ by {difference}"
    spread = ours["logits"].std().item()
    assert spread > 0.1, f"logits say nothing: standard deviation {spread}"
    return f"logits of spread {spread:.2f} differ by {difference:.1e}"


def check_logits_of_fp32_export(tools):
    return compare_logits(tools, "fp32")


def check_logits_of_exact_gelu_export(tools):
    return compare_logits(tools, "erf")


def check_logits_of_bf16_export(tools):
    assert AutoConfig.from_pretrained(tools.path("bf16")).dtype == torch.bfloat16
    return compare_logits(tools, "bf16")


def check_logits_of_fp16_export(tools):
    return compare_logits(tools, "fp16")


def check_logits_of_sharded_export(tools):
    return compare_logits(tools, "sharded")


def check_every_weight_of_an_export_is_used(tools):
    model, info = AutoModelForCausalLM.from_pretrained(tools.path("fp32"), output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[key], f"{key}: {info[key]}"
    assert model.lm_head.weight.data_ptr() == model.transformer.wte.weight.data_ptr()


def check_loss_of_the_report(tools):
    report = json.loads((tools.path("fp32") / "export_report.json").read_text())
    tokens = load_file(tools.path("fp32.safetensors"))["tokens"]
    model = AutoModelForCausalLM.from_pretrained(tools.path("fp32"), dtype=torch.float32)
    logits = logits_of(model, tokens[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()
    assert abs(loss - report["loss"]) <= 1e-5 * loss, f"{loss} {report['loss']}"
    return f"{loss:.6f} and {report['loss']:.6f}"


def check_generation_without_further_settings(tools):
    model = AutoModelForCausalLM.from_pretrained(tools.path("fp32"), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tools.path("fp32"))
    assert tokenizer.model_max_length == 23, tokenizer.model_max_length
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    prompt = "abc def"
    ids = tokenizer(prompt, return_tensors="pt")
    made = model.generate(**ids, max_new_tokens=8, do_sample=False, pad_token_id=tokenizer.eos_token_id)
    theirs = tokenizer.decode(made[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    ours = tools.run("generate", "--checkpoint", "run_gelu_tanh", "--prompt", prompt, "--tokens", 8, "--temperature", 0)
    assert ours.removesuffix("\n") == theirs, f"{ours!r} {theirs!r}"


def equal_ids(ours, tokenizer, texts):
    theirs = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert len(ours) == len(theirs) == len(texts), f"{len(ours)} {len(theirs)}"
    for text, a, b in zip(texts, ours, theirs):
        assert a == b, f"{text!r}: {a} {b}"
    return f"{len(texts)} lines, {sum(map(len, ours))} ids"


def check_tokenizer_ids_of_an_export(tools):
    texts = mixed_lines(LINES)
    return equal_ids(tools.ids("tokenizer", texts), AutoTokenizer.from_pretrained(tools.path("fp32")), texts)


def check_tokenizer_ids_of_the_classic_files(tools):
    folder = tools.path("classic")
    folder.mkdir()
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(tools.path("fp32") / name, folder)
    texts = mixed_lines(LINES, seed=2)
    return equal_ids(tools.ids("fp32", texts), AutoTokenizer.from_pretrained(folder), texts)


def check_tokenizer_ids_of_gpt2_itself(tools):
    folder = Path(tools.data) / "gpt2"
    if not tools.data or not (folder / "vocab.json").exists():
        raise Skipped("PHALANX_TEST_DATA/gpt2 has no vocab.json of GPT-2")
    copy = tools.path("gpt2")
    copy.mkdir()
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(folder / name, copy)
    (copy / "config.json").write_text('{"model_type": "gpt2"}')
    texts = mixed_lines(LINES, seed=3)
    return equal_ids(tools.ids(copy, texts), AutoTokenizer.from_pretrained(copy), texts)


def random_model(kind, **changes):
    torch.manual_seed(11)
    config = GPT2Config(n_embd=30, n_layer=2, n_head=5, n_inner=71, n_positions=19, vocab_size=307,
                        initializer_range=0.2, bos_token_id=0, eos_token_id=0, **changes)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and gains, too, which begin as 0 and 1
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def import_and_compare(tools, name, model, head=None, **saving):
    model.save_pretrained(tools.path("saved_" + name), **saving)
    tools.run("import", "--input", "saved_" + name, "--output", "imported_" + name)
    export(tools, "imported_" + name, "back_" + name)
    return compare_logits(tools, "back_" + name, head or model)


def check_import_of_a_saved_model(tools):
    return import_and_compare(tools, "single", random_model(GPT2LMHeadModel))


def check_import_of_a_sharded_model(tools):
    figures = import_and_compare(tools, "shards", random_model(GPT2LMHeadModel), max_shard_size="30KB")
    assert len(list(tools.path("saved_shards").glob("model-*.safetensors"))) > 1
    return figures


def check_import_of_a_bf16_model_with_exact_gelu(tools):
    model = random_model(GPT2LMHeadModel, activation_function="gelu").to(torch.bfloat16)
    return import_and_compare(tools, "bf16", model)


def check_import_of_a_model_without_a_head(tools):
    base = random_model(GPT2Model)
    head = GPT2LMHeadModel(base.config)
    head.transformer.load_state_dict(base.state_dict())
    head.tie_weights()
    return import_and_compare(tools, "base", base, head)


def check_import_then_export_keeps_every_bit(tools):
    saved = load_file(tools.path("saved_single") / "model.safetensors")
    back = load_file(tools.path("back_single") / "model.safetensors")
    assert saved.keys() == back.keys(), saved.keys() ^ back.keys()
    for name, tensor in saved.items():
        assert torch.equal(tensor.view(torch.int32), back[name].view(torch.int32)), name
    return f"{len(saved)} tensors"


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
