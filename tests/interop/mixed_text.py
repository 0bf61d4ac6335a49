"""Lines of many scripts, the same each time: letters, combining marks, right-to-left text, emoji, digits, spaces and
control characters, alone and mixed within a line."""
import random

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßŁłŠšŽžĞğİı",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗ",
    "αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΩάέήίόύώ",
    "אבגדהוזחטיכלמנסעפצקרשתםןףץ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآ",
    "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसहािीुूेैोौ्ं",
    "กขคงจฉชซญฐดตถทธนบปผพฟมยรลวศสหอฮะัาิีึืุูเแโใไ่้๊๋",
    "一二三四五六七八九十中国人大学生日本語漢字東京北京上海水火山川",
    "あいうえおかきくけこさしすせそたちつてとなにぬねのアイウエオカキクケコン",
    "가나다라마바사아자차카타파하한국어말글",
    "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
]
MARKS = ["\u0301", "\u0300", "\u0308", "\u0327", "\u20dd", "\u05b4", "\u064e"]
EMOJI = ["😀", "🎉", "👍🏽", "👩‍👩‍👧", "🇫🇷", "❤️", "☃", "🤷🏿‍♀️", "⚙️", "1️⃣", "🧑‍🚀"]
DIGITS = ["0", "7", "42", "1984", "3.14", "1,000", "٣٤", "१२", "½", "²", "Ⅷ", "㊉"]
PUNCTUATION = list(".,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+~`…—–«»“”‘’¿¡。、！？「」") + ["'s", "'re", "'LL", "n't", "...", "<|", "|>"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u0085", " \t "]
CONTROLS = ["\x00", "\x01", "\x07", "\x1b", "\x7f", "\u200e", "\u202e", "\ufeff", "\ufffd", "\ue000", "\U000e0041"]


def word(rng):
    alphabet = rng.choice(ALPHABETS)
    text = ""
    for _ in range(rng.randint(1, 12)):
        text += rng.choice(alphabet)
        if rng.random() < 0.04:
            text += rng.choice(MARKS)
    return text


def line(rng):
    kinds = [(word, 60), (EMOJI, 6), (DIGITS, 10), (PUNCTUATION, 14), (SPACES, 6), (CONTROLS, 4)]
    choices, weights = zip(*kinds)
    parts = []
    for kind in rng.choices(choices, weights, k=rng.randint(1, 20)):
        parts.append(kind(rng) if callable(kind) else rng.choice(kind))
        if rng.random() < 0.7:
            parts.append(" ")
    text = "".join(parts)
    return text if text.strip() else text + "x"  # a document of spaces alone counts as empty


def mixed_lines(count, seed=20260101):
    rng = random.Random(seed)
    return [line(rng) for _ in range(count)]
