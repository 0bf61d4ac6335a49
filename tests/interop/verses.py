#!/usr/bin/env python3
"""A labelled task out of the King James Bible: is a verse of the New Testament? verses.py VERSES

VERSES is what `bible -f 'gen1:1-rev22:21'` prints. Writes into the working folder corpus.txt (the chapters that are
not held out, without labels), train.tsv and test.tsv (label, tab, verse). Every tenth chapter is held out whole,
because neighbouring verses share names and words.
"""
import random
import re
import sys
from pathlib import Path

OLD_BOOKS = 39
LABELLED = 8000  # verses to learn from
TESTED = 2000
LABEL = re.compile(r"([1-3]?[A-Za-z]+)(\d+):\d+ ")


def read_chapters(path):
    """[(book ordinal, [verse, ...]), ...] in the order of the text."""
    books, chapters, last = [], [], None
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        match = LABEL.match(line)
        if not match:
            sys.exit(f"{path}: no verse label: {line!r}")
        book, chapter = match.group(1), match.group(1, 2)
        if book not in books:
            books.append(book)
        if chapter != last:
            chapters.append((len(books) - 1, []))
            last = chapter
        chapters[-1][1].append(line[match.end():])
    return chapters


def write_labelled(name, chapters, count):
    rows = [(int(book >= OLD_BOOKS), verse) for book, verses in chapters for verse in verses]
    random.Random(7).shuffle(rows)
    Path(name).write_text("".join(f"{label}\t{verse}\n" for label, verse in rows[:count]), encoding="utf-8")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    chapters = read_chapters(sys.argv[1])
    kept = [chapter for i, chapter in enumerate(chapters) if i % 10 != 9]
    Path("corpus.txt").write_text("\n\n".join("\n".join(verses) for _, verses in kept) + "\n", encoding="utf-8")
    write_labelled("train.tsv", kept, LABELLED)
    write_labelled("test.tsv", chapters[9::10], TESTED)


if __name__ == "__main__":
    main()
