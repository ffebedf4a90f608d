"""What `onrecord` and `onrecord eval` share on the terminal: their argument parser, JSON out, one line to say."""

from __future__ import annotations

import argparse
import io
import json
import sys
from typing import Any, NoReturn

from rag.errors import UsageError


class Parser(argparse.ArgumentParser):
    """argparse with our one-line errors instead of the usage text."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, next_step=f"see `{self.prog} --help`")


def print_json(value: Any) -> None:
    """Exactly one JSON document on standard output, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    # A name that is not UTF-8 holds surrogates; the escape that replaces one here is JSON's own.
    data = text.encode("utf-8", "backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(data.decode())


def say(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"onrecord: {' '.join(message.split())}\n")
