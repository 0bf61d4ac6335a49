"""WordPiece beside transformers: ids of BERT's own vocabulary, and of one that phalanx trained."""
import json
import shutil
from pathlib import Path

from transformers import AutoTokenizer

from harness import Skipped
from mixed_text import mixed_lines

LINES = 12000


def equal_ids(tools, folder, seed):
    texts = mixed_lines(LINES, seed=seed)
    ours = tools.ids(folder, texts)
    theirs = AutoTokenizer.from_pretrained(folder)(texts, add_special_tokens=False)["input_ids"]
    assert len(ours) == len(theirs) == len(texts), f"{len(ours)} {len(theirs)}"
    for text, a, b in zip(texts, ours, theirs):
        assert a == b, f"{text!r}: {a} {b}"
    return f"{len(texts)} lines, {sum(map(len, ours))} ids"


def bert_folder(tools, name, **options):
    """BERT's own vocabulary with these options of its tokenizer."""
    vocabulary = Path(tools.data) / "bert-base-uncased" / "vocab.txt"
    if not tools.data or not vocabulary.exists():
        raise Skipped("PHALANX_TEST_DATA/bert-base-uncased has no vocab.txt of BERT")
    folder = tools.path(name)
    folder.mkdir()
    shutil.copy(vocabulary, folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **options}))
    return folder


def check_wordpiece_ids_of_bert_itself(tools):
    return equal_ids(tools, bert_folder(tools, "bert_uncased", do_lower_case=True), seed=4)


def check_wordpiece_ids_of_bert_with_case(tools):
    return equal_ids(tools, bert_folder(tools, "bert_cased", do_lower_case=False), seed=5)


def check_wordpiece_ids_of_bert_with_accents(tools):
    return equal_ids(tools, bert_folder(tools, "bert_accents", do_lower_case=True, strip_accents=False), seed=6)


def check_wordpiece_ids_of_a_trained_vocabulary(tools):
    tools.write_jsonl("wordpiece.jsonl", mixed_lines(3000, seed=7))
    tools.run("tokenizer", "train", "--kind", "wordpiece", "--vocabulary", 2000, "--input", "wordpiece.jsonl",
              "--output", "wordpiece")
    return equal_ids(tools, tools.path("wordpiece"), seed=8)


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
