"""The fields of one line of `questions.jsonl`: their types, and what can be wrong with each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.checker import Checker, Problem, kind_of


@dataclass(frozen=True, slots=True)
class Evidence:
    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact that must be stated; `any` lists the wordings that state it."""

    text: str
    any: tuple[str, ...]
    importance: Literal["vital", "okay"] = "vital"


@dataclass(frozen=True, slots=True)
class Forbidden:
    any: tuple[str, ...]
    severity: Literal["fail", "warn"] = "fail"


@dataclass(frozen=True, slots=True)
class ItemFilters:
    """Names as the suite gives them; the dates are ISO days."""

    sources: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    date_from: str | None = None
    date_to: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One question. None means: not given, so not scored. Each of `answers` is a value followed by its aliases."""

    id: str
    question: str
    answerable: bool
    line: int
    answers: tuple[tuple[str, ...], ...] | None = None
    nuggets: tuple[Nugget, ...] | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_sets: tuple[tuple[int, ...], ...] = ()
    forbidden: tuple[Forbidden, ...] | None = None
    speaker: str | None = None
    disagreement: str | None = None
    category: str | None = None
    lang: str | None = None
    cluster: str | None = None
    filters: ItemFilters = field(default_factory=ItemFilters)
    rev: int | str | None = None
    split: str | None = None
    twin_of: str | None = None
    note: str | None = None

    def filters_json(self) -> dict[str, Any]:
        given = self.filters
        return {
            "source": list(given.sources),
            "document": list(given.documents),
            "from": given.date_from,
            "to": given.date_to,
        }

    def asked(self) -> dict[str, Any]:
        """What the system under test is given; the gold is no part of it."""
        return {"question": self.question, "filters": self.filters_json()}


_QUESTION_FIELDS = (
    *(
        "id",
        "question",
        "answerable",
        "answers",
        "nuggets",
        "evidence",
        "evidence_sets",
        "forbidden",
        "speaker",
    ),
    *("disagreement", "category", "lang", "cluster", "filters", "rev", "split", "twin_of", "note"),
)


def check_question(value: Mapping[str, Any], file: str, line: int, problems: list[Problem]) -> Item | None:
    """One line of `questions.jsonl` as an `Item`; None where a required field is unusable."""
    check = Checker(value, file, line, problems)
    check.unknown(_QUESTION_FIELDS)
    identity = check.text("id", required=True)
    question = check.text("question", required=True)
    answerable = value.get("answerable")
    if not isinstance(answerable, bool):
        missing = "answerable" not in value
        check.report(
            "answerable",
            "the field is missing" if missing else f"true or false is needed, not {kind_of(answerable)}",
        )
    answers = _answers(check)
    nuggets = _nuggets(check)
    evidence = _evidence(check)
    sets = _evidence_sets(check, len(evidence))
    speaker = check.text("speaker")
    disagreement = check.choice("disagreement", ("real", "apparent", "none"))
    if answerable is False:
        for name in ("answers", "evidence", "evidence_sets", "nuggets", "speaker"):
            if check.given(name):
                check.report(name, "the question is marked unanswerable, so it cannot have this")
    elif answerable is True and not (answers or nuggets or evidence):
        check.report(
            "answers", "answerable, but without answers, nuggets or evidence: hardly scored", "warning"
        )
    rev = value.get("rev")
    if rev is not None and (isinstance(rev, bool) or not isinstance(rev, int | str)):
        check.report("rev", f"a whole number or text is needed, not {kind_of(rev)}")
    item = {
        "forbidden": _forbidden(check),
        "category": check.text("category"),
        "lang": check.text("lang"),
        "cluster": check.text("cluster"),
        "filters": _filters(check),
        "split": check.choice("split", ("dev", "test")),
        "twin_of": check.text("twin_of"),
        "note": check.text("note"),
    }
    if identity is None or question is None or not isinstance(answerable, bool):
        return None
    return Item(
        id=identity,
        question=question,
        answerable=answerable,
        line=line,
        answers=answers,
        nuggets=nuggets,
        evidence=evidence,
        evidence_sets=sets or ((tuple(range(len(evidence))),) if evidence else ()),
        speaker=speaker,
        disagreement=disagreement,
        rev=rev,
        **item,  # type: ignore[arg-type]
    )


def _answers(check: Checker) -> tuple[tuple[str, ...], ...] | None:
    found = check.list("answers")
    if found is None:
        return None
    answers: list[tuple[str, ...]] = []
    for index, value in enumerate(found):
        if isinstance(value, str):
            if value.strip():
                answers.append((value,))
            else:
                check.report(f"answers[{index}]", "the text is empty")
        elif isinstance(value, dict):
            inner = Checker(value, check.file, check.line, check.problems, f"answers[{index}].")
            inner.unknown(("value", "aliases"))
            text = inner.text("value", required=True)
            aliases = inner.texts("aliases") if value.get("aliases") else ()
            if text is not None:
                answers.append((text, *aliases))
        else:
            check.report(f"answers[{index}]", f"text or an object with value is needed, not {kind_of(value)}")
    return tuple(answers) or None


def _nuggets(check: Checker) -> tuple[Nugget, ...] | None:
    found = check.objects("nuggets")
    if found is None:
        return None
    nuggets = []
    for _, inner in found:
        inner.unknown(("text", "importance", "any"))
        text = inner.text("text", required=True)
        importance = inner.choice("importance", ("vital", "okay"), "vital")
        wordings = inner.texts("any") or ((text,) if text and not inner.given("any") else ())
        if text and wordings:
            nuggets.append(Nugget(text, wordings, importance))  # type: ignore[arg-type]
    return tuple(nuggets) or None


def _evidence(check: Checker) -> tuple[Evidence, ...]:
    evidence = []
    for _, inner in check.objects("evidence") or ():
        inner.unknown(("document", "quote"))
        document, quote = inner.text("document", required=True), inner.text("quote", required=True)
        evidence.append(Evidence(document or "", quote or ""))
    return tuple(evidence)


def _evidence_sets(check: Checker, count: int) -> tuple[tuple[int, ...], ...]:
    sets: list[tuple[int, ...]] = []
    for index, value in enumerate(check.list("evidence_sets") or ()):
        name = f"evidence_sets[{index}]"
        if not isinstance(value, list) or not value:
            check.report(
                name, "a list of indexes into evidence is needed" if value != [] else "the list is empty"
            )
        elif any(isinstance(number, bool) or not isinstance(number, int) for number in value):
            check.report(name, "indexes are whole numbers")
        elif any(not 0 <= number < count for number in value):
            wrong = next(number for number in value if not 0 <= number < count)
            there = f"has {count} entries, counted from 0" if count else "is missing"
            check.report(name, f"the index {wrong} is out of range: evidence {there}")
        else:
            sets.append(tuple(dict.fromkeys(value)))
    return tuple(sets)


def _forbidden(check: Checker) -> tuple[Forbidden, ...] | None:
    found = check.objects("forbidden")
    if found is None:
        return None
    forbidden = []
    for _, inner in found:
        inner.unknown(("any", "severity"))
        wordings = inner.texts("any", required=True)
        severity = inner.choice("severity", ("fail", "warn"), "fail")
        if wordings:
            forbidden.append(Forbidden(wordings, severity))  # type: ignore[arg-type]
    return tuple(forbidden) or None


def _filters(check: Checker) -> ItemFilters:
    value = check.value.get("filters")
    if value is None:
        return ItemFilters()
    if not isinstance(value, dict):
        check.report("filters", f"an object is needed, not {kind_of(value)}")
        return ItemFilters()
    inner = Checker(value, check.file, check.line, check.problems, "filters.")
    inner.unknown(("source", "document", "from", "to"))
    dates: dict[str, str | None] = {}
    for name in ("from", "to"):
        text = dates[name] = inner.text(name)
        if text is not None:
            try:
                dt.date.fromisoformat(text)
            except ValueError:
                inner.report(name, f"{text!r} is not a day as in 2026-02-03")
                dates[name] = None
    if dates["from"] and dates["to"] and dates["from"] > dates["to"]:
        inner.report("from", f"{dates['from']} is after to ({dates['to']})")

    def names(name: str) -> tuple[str, ...]:
        if isinstance(value.get(name), list):
            return inner.texts(name)
        text = inner.text(name)
        return (text,) if text is not None else ()

    return ItemFilters(names("source"), names("document"), dates["from"], dates["to"])
