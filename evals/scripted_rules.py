"""The script of the scripted server: what it replies to which prompt, and how it fails.

A script is JSON lines; for each request the first rule that fits is used, and none fitting is an error 500 that says
so. The fields of a rule, all optional:

    match        regular expression, searched in the prompt (system message included, `.` matches line ends)
    schema       true or false: only for requests that ask for a constrained reply, or only for others
    times        how many requests the rule serves before it no longer fits
    reply        text, or any JSON value, which is sent as JSON text. `{{REGEX}}` in it stands for what REGEX finds in
                 the prompt (its first group, else all); a string that is one such mark and finds a number becomes one.
                 A string `{sentence:WORDS}` becomes the number of the first numbered sentence of the prompt that has
                 these words (case, white space and the form of quotation marks aside; `{sentence:WORDS@NAME}`: of a
                 document whose line names NAME), 0 where no sentence has them; `{after:N}` the N-th number after the
                 last one of the prompt, which no sentence has
    kinds        what each statement of the reply is, for `evals.lies`; never sent
    fault        one of those below
    status, message, retry_after    of fault `status`; `retry_after` in seconds
    after        how many characters are sent before the faults `cut` and `stall` (default: half of the reply)
    delay_s      wait before anything is sent (fault `slow`: before the first piece, after the headers)
    pace_s       wait between two pieces
    finish       `stop` (default), `length` or `content_filter`

Faults: `status` (an HTTP error), `close` (hangs up without a word), `cut` (hangs up in the middle), `stall` (falls
silent in the middle), `endless` (repeats the reply for ever), `slow` (a late first piece), `encoding` (Latin-1 where
UTF-8 is said), `event` (an event that is not JSON), `empty` (no text), `refusal`, `invalid_json` (the reply's text
ends half-way, well formed as an event), `html` (a web page), `redirect` (to the address that `message` gives).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError

FAULTS = frozenset(
    [
        "status",
        "close",
        "cut",
        "stall",
        "endless",
        "slow",
        "encoding",
        "event",
        "empty",
        "refusal",
        "invalid_json",
        "html",
        "redirect",
    ]
)
FINISHES = ("stop", "length", "content_filter")


@dataclass(frozen=True)
class Rule:
    """One line of a script; see the module's docstring. `reply` may be a function of the prompt, in Python only."""

    match: str = ""
    schema: bool | None = None
    times: int | None = None
    reply: Any = "ok"
    fault: str | None = None
    status: int = 500
    message: str = "scripted failure"
    retry_after: float | None = None
    after: int | None = None
    delay_s: float = 0.0
    pace_s: float = 0.0
    finish: str = "stop"
    kinds: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}; one of {', '.join(sorted(FAULTS))}")
        if self.finish not in FINISHES:
            raise ValueError(f"unknown finish {self.finish!r}; one of {', '.join(FINISHES)}")
        re.compile(self.match)

    def chosen_by(self, prompt: str) -> bool:
        """Whether it fits this prompt."""
        return re.search(self.match, prompt, re.DOTALL) is not None

    def text(self, prompt: str) -> str:
        """The reply's text for this prompt, marks replaced."""
        reply = self.reply(prompt) if callable(self.reply) else _filled(self.reply, prompt)
        return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)


def _filled(value: Any, prompt: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, prompt) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, prompt) for each in value]
    if not isinstance(value, str):
        return value

    def found(mark: re.Match[str]) -> str:
        hit = re.search(mark[1], prompt, re.DOTALL)
        if hit is None:
            return mark[0]
        return hit[1] if hit.re.groups else hit[0]

    if of_sentence := _SENTENCE.fullmatch(value):
        return sentence_number(prompt, of_sentence[1], of_sentence[2] or "")
    if after := _AFTER.fullmatch(value):
        return max((int(line[1]) for line in _LINE.finditer(prompt)), default=0) + int(after[1])
    filled = re.sub(r"\{\{(.+?)\}\}", found, value)
    alone = re.fullmatch(r"\{\{(?:(?!\}\}).)+\}\}", value)
    return int(filled) if alone and re.fullmatch(r"[0-9]+", filled) else filled


_SENTENCE = re.compile(r"\{sentence:([^{}@]+)(?:@([^{}@]+))?\}")
_AFTER = re.compile(r"\{after:([1-9][0-9]*)\}")
_LINE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)
_HEADING = re.compile(r"^document: (.*)$", re.MULTILINE)
_MARKS = str.maketrans("“”«»‘’", '""""\'\'')


def sentence_number(prompt: str, words: str, document: str = "") -> int:
    """The number of the first sentence with these words, below a document line with `document` in it; 0: none."""
    wanted, named = _plain(words), _plain(document)
    for line in _LINE.finditer(prompt):
        if wanted in _plain(line[2]):
            headings = [heading[1] for heading in _HEADING.finditer(prompt, 0, line.start())]
            if not named or (headings and named in _plain(headings[-1])):
                return int(line[1])
    return 0


def _plain(text: str) -> str:
    return " ".join(text.translate(_MARKS).split()).casefold()


def read_script(path: Path) -> list[Rule]:
    """The rules of a script file. Raises UsageError that names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the script cannot be read ({error})", where=str(path), next_step="name a JSONL file"
        ) from error
    rules = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rules.append(Rule(**json.loads(line)))
        except (ValueError, TypeError, re.error) as error:
            raise UsageError(
                f"not a rule ({error})", where=f"{path} line {number}", next_step="correct the line"
            ) from error
    return rules
