#!/usr/bin/env python3
"""Runs phalanx beside torch and transformers: run.py --phalanx PROGRAM --work FOLDER

Prints a line per check, 'passed|failed|skipped<TAB>name<TAB>figures or reason'. launch/test.sh --interop calls this.
"""
import argparse
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is read from folders
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import encoders
import fine_tuning
import gpt2
import wordpiece
from harness import Tools, run_checks


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phalanx", required=True)
    parser.add_argument("--work", required=True)
    arguments = parser.parse_args()
    checks = gpt2.CHECKS + wordpiece.CHECKS + encoders.CHECKS + fine_tuning.CHECKS
    run_checks(checks, Tools(arguments.phalanx, arguments.work))


if __name__ == "__main__":
    sys.exit(main())
