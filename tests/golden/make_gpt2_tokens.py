#!/usr/bin/env python3
"""Makes gpt2_tokens.jsonl: texts of many scripts and their GPT-2 ids, by Hugging Face's tokenizers (pip install tokenizers).

usage: make_gpt2_tokens.py FOLDER_WITH_VOCAB_JSON_AND_MERGES_TXT [--random N] [--seed S] > gpt2_tokens.jsonl
"""
import argparse
import json
import random

from tokenizers import ByteLevelBPETokenizer

WRITTEN = [
    "In the beginning God created the heaven and the earth.",
    "I'm sure they're fine; we'll see, she'd said, it's what I've got. Don't 'll 're '' 'S 'RE",
    "'s't're've'm'll'd", " 's 't", "a's b't!'s?'d", "''s", "'", "it’s what they’ve got",
    "Hello,   world!  \n\n  Two lines,\ttabs\t\t and trailing spaces   ", " ", "  ", "   x", "x   ", "\n", "\n\n", "a\n\nb", "a \n b", "\r\n\r\n", "\t \t",
    "a  b", " a b", "  a  b  ", "a\u00a0b", "a\u00a0\u00a0b", "\u3000全角　スペース\u3000", "a\u2003\u2009b", "\u1680x", "x\u2028y\u2029z", "\u0085next\u0085line",
    "zero\u200bwidth\u200cjoin\u200der\ufeffmark", "soft\u00adhyphen", "\u180e x",
    "3.14159 1,000,000 1e-9 0x7F 50% $9.99 №5 ½ ² ③ Ⅷ ٣٤٥ १२३ 万二千", "abc123def 12ab", "x²+y³=z⁴", "１２３ ＡＢＣ",
    "if (a[i] != b->c) { return ~0; }  // comment", "def f(x):\n    return x ** 2\n\n\nclass A:\n\tpass\n", "https://example.org/a?b=c&d=e#f", "user_name@mail.example", "====----****", "...?!...", "(«»„“”‘’)", "<|endoftext|>", "a<|endoftext|>b", "<b>bold</b>&amp;",
    "Fuß, Œuvre, Ångström, naïve, coöperate, Ærøskøbing, žluťoučký kůň", "İstanbul ıssız ŞĞ", "Быть или не быть, вот в чём вопрос.", "Ελληνικά: ἐν ἀρχῇ ἦν ὁ λόγος", "Հայերեն լեզու", "ქართული ენა",
    "בְּרֵאשִׁית בָּרָא אֱלֹהִים", "שלום עולם 123", "السَّلَامُ عَلَيْكُمْ", "مرحبا، كيف الحال؟ ١٢٣", "‏RTL‎ marks\u202eoverride\u202c",
    "हिन्दी में एक वाक्य।", "தமிழ் மொழி", "తెలుగు భాష", "ภาษาไทยไม่มีช่องว่าง", "ພາສາລາວ", "བོད་ཡིག", "မြန်မာစာ", "ភាសាខ្មែរ", "አማርኛ ቋንቋ", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "ᐃᓄᒃᑎᑐᑦ",
    "太初有道，道與神同在。", "はじめに、神は天と地を創造された。カタカナ", "태초에 하나님이 천지를 창조하시니라", "\u1112\u1161\u11ab\u1100\u1173\u11af", "𠀀𠀁𪚥 㐀",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣ 🤷🏿‍♀️", "😀😃😄😁", "a😀b 😀 c", "☃☂★☆ ♫♪ ⚠️", "e\u0301 n\u0303 o\u0308\u0304 Z\u0351\u036b\u0343algo\u0328\u0321", "\u0301alone", " \u0301after space", "a\u0301\u0302b",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋ ≤ ∑∫√∞", "𝒜𝓫𝕔 𝟙𝟚𝟛", "ﬁ ﬂ ﬃ ﷺ", "¿¡ª º ¹ ¼ µ ¶ § ©®™", "\u0000\u0001\u0002", "a\u0000b \u0007 \u001b[31m red \u007f", "\u001c\u001d\u001e\u001f", "\u0009\u000a\u000b\u000c\u000d x", "\ufffd \ufffe \uffff", "\U0010ffff\U000f0000", "\ue000 private",
    "a" * 70, "ab" * 50, " " * 65 + "x", "!" * 66, "1" * 65, "é" * 40, "the" * 30, "\n" * 70, "Supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
]

# Ranges of code points that have been assigned for many years, so that no library's Unicode version matters.
POOLS = [
    [(0x20, 0x7E)], [(0x61, 0x7A), (0x20, 0x20)], [(0x30, 0x39), (0x20, 0x20), (0x2E, 0x2E)], [(0x21, 0x2F), (0x3A, 0x40), (0x27, 0x27)],
    [(0x00, 0x20), (0x7F, 0xA0)], [(0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x2000, 0x200A), (0x3000, 0x3000)], [(0xA1, 0xFF)], [(0x100, 0x24F)],
    [(0x391, 0x3A1), (0x3B1, 0x3C9)], [(0x410, 0x44F), (0x20, 0x20)], [(0x5D0, 0x5EA), (0x5B0, 0x5BC)], [(0x621, 0x64A), (0x64B, 0x652), (0x660, 0x669)],
    [(0x905, 0x939), (0x93E, 0x94D), (0x966, 0x96F)], [(0xE01, 0xE3A), (0xE40, 0xE5B)], [(0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2)], [(0x3041, 0x3096), (0x30A1, 0x30FA)],
    [(0x4E00, 0x9FA5)], [(0xAC00, 0xD7A3), (0x20, 0x20)], [(0x300, 0x36F), (0x61, 0x7A)], [(0x2190, 0x23FF), (0x2600, 0x26FF)], [(0x2150, 0x2189), (0x2460, 0x249B), (0x2070, 0x2071)],
    [(0x200B, 0x200F), (0x202A, 0x202E), (0xFE0E, 0xFE0F), (0x61, 0x66)], [(0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F3FB, 0x1F3FF), (0x200D, 0x200D)], [(0x20000, 0x2A6D6)], [(0x1D400, 0x1D454), (0x1D7CE, 0x1D7FF)], [(0xE000, 0xF8FF), (0x10FFF0, 0x10FFFD)],
]
GLUE = ["", "", " ", " ", "  ", "\n", "\n\n", "\t", "'", "'s ", ", ", ". ", "'ll", "0", "\u00a0", "-"]


def random_text(rng):
    parts = []
    for _ in range(rng.randint(1, 6)):
        pool = rng.choice(POOLS)
        parts += [chr(rng.randint(*rng.choice(pool))) for _ in range(rng.randint(1, 9))]
        parts.append(rng.choice(GLUE))
    return "".join(parts)


def parse_arguments(description, source, random_texts):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(source)
    parser.add_argument("--random", type=int, default=random_texts, help="number of random texts")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = parse_arguments(__doc__, "folder", 380)
    tokenizer = ByteLevelBPETokenizer(f"{arguments.folder}/vocab.json", f"{arguments.folder}/merges.txt", add_prefix_space=False)
    rng = random.Random(arguments.seed)
    for text in WRITTEN + [random_text(rng) for _ in range(arguments.random)]:
        print(json.dumps({"text": text, "ids": tokenizer.encode(text).ids}, separators=(",", ":")))


if __name__ == "__main__":
    main()
