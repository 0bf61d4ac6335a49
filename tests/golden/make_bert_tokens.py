#!/usr/bin/env python3
"""Makes bert_tokens.jsonl: texts of many scripts and their BERT ids, by Hugging Face's tokenizers (pip install tokenizers).

A record has "cased" when neither case nor accents are taken away. The texts are those of make_gpt2_tokens.py and more.

usage: make_bert_tokens.py BERT_VOCAB_TXT [--random N] [--seed S] > bert_tokens.jsonl
"""
import json
import random

from tokenizers import BertWordPieceTokenizer

from make_gpt2_tokens import GLUE, POOLS, WRITTEN, parse_arguments

BERT = [
    "[CLS] is text, [MASK] and [SEP] too; ##ing", "Unaffable UNAFFABLE unwanted", "a" * 100, "a" * 101, "é" * 100, "é" * 101, "e\u0301" * 100, "中" * 101, "a" * 99 + "\u0301\u0000b",
    "\ufffd\u0000a\u0000b\ufffdc", "a\u0007b\u0085c\u001cd\u200be\u00adf\ufeffg", "a\u2028b\u2029c\u1680d\u202fe", "\ue000x\U000f0000y",
    "中国a人b", "\u3400\u4dbf\U00020000\U0002a6df \U0002b820\U0002b91f\U0002b920", "\uf900\ufa0e\U0002f800", "ひらがなカタカナ한국어",
    "École ÉCOLE e\u0301cole \u1e69 s\u0323\u0307 s\u0307\u0323", "İSTANBUL ISTANBUL ıi", "ΟΔΥΣΣΕΎΣ ὈΔΥΣΣΕΎΣ", "STRASSE straße ẞ", "Ǆ ǅ ǆ ﬁ Å Ω",
    "a\u037eb\u1fefc\u0387d \u226e \u2260", "$5+6=11^2`~|<>", "«quoted» „so“ ‚or‘ so…", "\u16fe\u2e2e\u3030\u30fb\ua4fe", "\u166d \u1734 \u1885 \ua9bd \U000111c9",
    "a\u0903\u302e\u0301\u0323b", "\u1100\u1161\u11a8 \uac01", "नमस्ते दुनिया", "\u0e01\u0e33\u0e49", "don't can't it's", "3.14 1,000 ½ ² ③ Ⅷ ٣", "x\u0300\u0301\u0302 \u0300 \u0300a",
]


def random_text(rng, vocabulary):
    parts = []
    for _ in range(rng.randint(1, 5)):
        if rng.random() < 0.5:
            word = "".join(rng.choices(vocabulary, k=rng.randint(1, 3)))
            parts.append(rng.choice([word, word.upper(), word.title()]))
        else:
            pool = rng.choice(POOLS)
            parts += [chr(rng.randint(*rng.choice(pool))) for _ in range(rng.randint(1, 9))]
        parts.append(rng.choice(GLUE))
    return "".join(parts)


def main():
    arguments = parse_arguments(__doc__, "vocabulary", 200)
    tokenizers = {cased: BertWordPieceTokenizer(arguments.vocabulary, lowercase=not cased) for cased in (False, True)}
    with open(arguments.vocabulary, encoding="utf-8") as file:
        vocabulary = [line.rstrip("\n").removeprefix("##") for line in file]
    rng = random.Random(arguments.seed)
    texts = WRITTEN + BERT + [random_text(rng, vocabulary) for _ in range(arguments.random)]
    for cased, tokenizer in tokenizers.items():
        tokenizer._tokenizer.encode_special_tokens = True  # in a text they are text
        for text in BERT if cased else texts:
            record = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
            print(json.dumps(record | ({"cased": True} if cased else {}), separators=(",", ":")))


if __name__ == "__main__":
    main()
