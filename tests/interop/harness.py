"""What the checks share: running phalanx, reading what it writes, and saying how a check ended.

A check is a function check_NAME(tools). It raises AssertionError with both values, or Skipped with the reason.
"""
import json
import os
import shutil
import subprocess
import traceback
from pathlib import Path


class Skipped(Exception):
    pass


class Tools:
    """The program, a folder to work in, and what earlier checks made there."""

    def __init__(self, phalanx, work):
        self.phalanx = str(Path(phalanx).resolve())
        self.work = Path(work).resolve()
        self.data = os.environ.get("PHALANX_TEST_DATA", "")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def path(self, name):
        return self.work / name

    def run(self, *arguments):
        """Runs phalanx and returns its standard output; a failure fails the check with its last line."""
        done = subprocess.run([self.phalanx, *map(str, arguments)], cwd=self.work, capture_output=True,
                              timeout=600, encoding="utf-8", errors="replace")
        assert done.returncode == 0, f"phalanx {' '.join(map(str, arguments))}: {done.stderr.strip()[-400:]}"
        return done.stdout

    def write_jsonl(self, name, texts):
        with open(self.path(name), "w", encoding="utf-8") as file:
            for text in texts:
                file.write(json.dumps({"text": text}) + "\n")
        return self.path(name)

    def ids(self, tokenizer, texts):
        """Token ids of each text by `phalanx tokenizer encode`."""
        out = self.run("tokenizer", "encode", "--tokenizer", tokenizer, "--input", self.write_jsonl("encode.jsonl", texts))
        return [[int(i) for i in line.split()] for line in out.split("\n")[:-1]]


def run_checks(checks, tools):
    """One line per check: verdict, name and reason with tabs between them."""
    for check in checks:
        name = check.__name__.removeprefix("check_")
        try:
            figures = check(tools)
            print(f"passed\tinterop.{name}\t{figures or ''}", flush=True)
        except Skipped as reason:
            print(f"skipped\tinterop.{name}\t{reason}", flush=True)
        except Exception as error:  # one check that fails must not hide the others
            traceback.print_exc()
            print(f"failed\tinterop.{name}\t{type(error).__name__}: {str(error)[:300]!r}", flush=True)
