"""A model's reply read as JSON, as far as it can be read: what is whole counts, what is broken is left out.

Models wrap JSON in code fences and prose, think aloud before it, leave commas at the ends of lists and stop in the
middle. Each statement is decoded by itself, so a cut reply keeps its whole statements, and a reply that is still
arriving gives the statements that are complete so far.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

MAX_NUMBERS = 1_000  # sentence numbers of one statement that are looked at
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_STATEMENTS = re.compile(r"[\"'](?:statements|answers|claims)[\"']\s*:\s*\[", re.IGNORECASE)
_MISSING = re.compile(
    r"\"(?:missing|not_in_documents)\"\s*:\s*(\"(?:[^\"\\]|\\.)*\"|null|true|false)", re.IGNORECASE
)
_TRAILING = re.compile(r",(\s*[\]}])")
_SQUARE = re.compile(r"\s*[\[【](?:sentences?\s*)?(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)[\]】]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """One statement as the model gave it. `numbers` in its order, each once; they may not exist."""

    text: str
    numbers: tuple[int, ...]
    speaker: str | None = None
    short: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What could be read. `whole`: the JSON was closed; otherwise it was cut off, or is still arriving.

    `readable` is False where there was neither a statement nor an answer that there is none.
    """

    statements: tuple[Said, ...] = ()
    missing: str | None = None
    whole: bool = False
    readable: bool = False


def read_reply(text: str) -> Reply:
    """The statements of a reply, whole or cut."""
    text = _THOUGHT.sub("", text)
    start = _STATEMENTS.search(text)
    if start:
        objects, closed, _ = _objects(text, start.end())
        rest = text[: start.start()] + text[_end_of_list(text, start.end()) :]
    else:
        bare = re.search(r"\[\s*\{", text)
        single = text.find("{")
        begin = bare.start() + 1 if bare and bare.start() <= max(single, 0) else single
        objects, closed, _ = _objects(text, begin) if begin >= 0 else ([], False, 0)
        rest = text
        objects = [each for each in objects if "text" in each or "statement" in each]
        closed = closed or bool(objects)
    statements = tuple(said for each in objects if (said := _said(each)))
    found = _MISSING.search(rest)
    missing = _string(found[1]) if found else None
    declined = bool(found) or (start is not None and closed)
    whole = closed and (start is None or text.rstrip().endswith(("}", "`")) or "}" in rest)
    return Reply(statements, missing, whole, bool(statements) or declined)


def question_of(text: str) -> str:
    """The rewritten question of a reply; empty where there is none."""
    text = _THOUGHT.sub("", text)
    start = text.find("{")
    objects, _, _ = _objects(text, start) if start >= 0 else ([], False, 0)
    for each in objects:
        value = each.get("question")
        if isinstance(value, str):
            return " ".join(value.split())
    return ""


def _objects(text: str, at: int) -> tuple[list[dict[str, Any]], bool, int]:
    """The whole objects of a list from `at` on, whether the list was closed, and where it was left."""
    found: list[dict[str, Any]] = []
    while at < len(text):
        char = text[at]
        if char == "]":
            return found, True, at + 1
        if char != "{":
            at += 1
            continue
        end = _closing(text, at)
        if end is None:
            return found, False, at
        value = _decoded(text[at:end])
        if isinstance(value, dict):
            found.append(value)
        at = end
    return found, False, at


def _end_of_list(text: str, at: int) -> int:
    return _objects(text, at)[2]


def _closing(text: str, at: int) -> int | None:
    """Behind the brace that closes the one at `at`; None where it is not closed. Braces in strings do not count."""
    depth, quoted, escaped = 0, False, False
    for index in range(at, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return index + 1
    return None


def _decoded(piece: str) -> Any:
    for candidate in (piece, _TRAILING.sub(r"\1", piece)):
        try:
            return json.loads(candidate, strict=False)
        except (json.JSONDecodeError, RecursionError):
            continue
    if len(piece) > 4_000:
        return None
    try:  # {'text': …}, as Python prints it
        return ast.literal_eval(piece)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _said(value: dict[str, Any]) -> Said | None:
    text = value.get("text", value.get("statement"))
    if not isinstance(text, str) or not text.strip():
        return None
    listed: Any = next(
        (value[name] for name in ("sentences", "sentence_numbers", "citations", "numbers") if name in value),
        [],
    )
    inline = [number for match in _SQUARE.finditer(text) for number in _numbers(match[1])]
    numbers = tuple(dict.fromkeys([*_numbers(listed), *inline]))[:MAX_NUMBERS]
    clean = " ".join(_SQUARE.sub("", text).split())
    return (
        Said(clean, numbers, _optional(value.get("speaker")), _optional(value.get("short")))
        if clean
        else None
    )


def _numbers(value: Any) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, float):
        return [int(value)] if value.is_integer() else []
    if isinstance(value, str):
        return [int(found) for found in re.findall(r"\d{1,6}", value)]
    if isinstance(value, list):
        return [number for each in value[:MAX_NUMBERS] for number in _numbers(each)]
    return []


def _optional(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    folded = " ".join(value.split())
    return folded if folded and folded.casefold() not in ("null", "none", "n/a", "unknown", "-") else None


def _string(literal: str) -> str | None:
    value = json.loads(literal.casefold() if literal[0] != '"' else literal, strict=False)
    return _optional(value)
