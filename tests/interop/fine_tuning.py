"""Fine-tuning in transformers, by the very commands of docs/fine-tuning.md."""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harness import Skipped

ROOT = Path(__file__).resolve().parents[2]


def commands_of(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return text.split("```sh\n", 1)[1].split("```", 1)[0]


def workplace(tools):
    """A folder that looks like the tree, with `phalanx` and `python` in its bin."""
    folder = tools.path("fine_tuning")
    (folder / "bin").mkdir(parents=True)
    for name in ("configs", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "bin" / "phalanx").symlink_to(tools.phalanx)
    python = folder / "bin" / "python"  # a link would lose the virtual environment
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


def check_fine_tuning_learns_to_classify(tools):
    if not shutil.which("bible"):
        raise Skipped("the King James text is missing (Debian: bible-kjv)")
    folder = workplace(tools)
    begin = time.monotonic()
    done = subprocess.run(["bash", "-euc", commands_of("fine-tuning.md")], cwd=folder, capture_output=True, timeout=900,
                          encoding="utf-8", env=os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr.strip()[-400:]
    result = json.loads(done.stdout.strip().split("\n")[-1])
    assert result["last_loss"] < 0.8 * result["first_loss"], result
    assert result["accuracy"] > result["commonest_label_accuracy"] + 0.03, result
    return (f"accuracy {result['accuracy']:.3f}, bag of words {result['bag_of_words_accuracy']:.3f}, commonest label "
            f"{result['commonest_label_accuracy']:.3f}; {time.monotonic() - begin:.0f} s")


CHECKS = [check_fine_tuning_learns_to_classify]
