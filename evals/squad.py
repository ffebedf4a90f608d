"""Files in the SQuAD 1.1 and 2.0 layout, read and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError


@dataclass(frozen=True, slots=True)
class SquadQuestion:
    """One question on its own paragraph. `answers` is empty where it is impossible (2.0 only)."""

    id: str
    question: str
    context: str
    title: str
    answers: tuple[str, ...]
    impossible: bool


@dataclass(frozen=True, slots=True)
class SquadFile:
    """`unanswerable`: the whole file (not only the questions taken) has some for which declining is right."""

    questions: tuple[SquadQuestion, ...]
    version: str | None
    unanswerable: bool

    @property
    def version_2(self) -> bool:
        """Which official script scores the file: 2.0's where it says so, or has unanswerable questions."""
        return self.unanswerable or (self.version or "").lstrip("v").startswith("2")


def read_squad(path: Path, limit: int | None = None) -> SquadFile:
    """Every question in file order, at most `limit`. Raises UsageError (where in the file, why)."""
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such file", where=str(path), next_step="name a file in the SQuAD layout"
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(
            f"the file is not UTF-8 JSON ({error})", where=str(path), next_step="correct it"
        ) from error
    questions: list[SquadQuestion] = []
    articles = _list(value, "data", str(path))
    for a, article in enumerate(articles):
        where = f"{path}: data[{a}]"
        title = article.get("title") or "" if isinstance(article, dict) else ""
        for p, paragraph in enumerate(_list(article, "paragraphs", where)):
            place = f"{where}.paragraphs[{p}]"
            context = _text(paragraph, "context", place)
            for q, asked in enumerate(_list(paragraph, "qas", place)):
                questions.append(_question(asked, f"{place}.qas[{q}]", context, str(title)))
    if not questions:
        raise UsageError("the file holds no question", where=str(path), next_step="name another file")
    version = value.get("version")
    return SquadFile(
        tuple(questions[:limit]),
        None if version is None else str(version),
        any(question.impossible for question in questions),
    )


def _question(asked: Any, where: str, context: str, title: str) -> SquadQuestion:
    question = _text(asked, "question", where)
    # As in the official script, a question is impossible when it has no answers, whatever else marks it.
    answers = tuple(_text(answer, "text", where) for answer in asked.get("answers") or ())
    identity = asked.get("id")
    return SquadQuestion(
        where if identity is None else str(identity),
        question,
        context,
        title,
        answers,
        impossible=not answers,
    )


def _list(value: Any, name: str, where: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise UsageError(f"{name!r} is missing or not a list", where=where, next_step="correct the file")
    return found


def _text(value: Any, name: str, where: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise UsageError(f"{name!r} is missing or not text", where=where, next_step="correct the file")
    return found
