"""Suites: a folder with `questions.jsonl`, perhaps `suite.yaml` and `corpus/`; read, checked, digested.

Every problem is found in one pass and named with file, line, field and reason; a suite with a problem is not run.
Two steps, so that a run need not parse the corpus twice: `read_suite` looks at the files alone, `attach_gold` finds
the gold evidence in the documents. A `suite.yaml` may say `corpus: PATH`, relative to the suite's folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.checker import Problem, read_objects
from evals.corpus import Corpus, UnknownName, corpus_files
from evals.suite_fields import Evidence, Item, check_question
from evals.suite_yaml import read_yaml
from evals.text import contains_any, find_all, words
from rag.errors import UsageError
from rag.settings import digest_of
from rag.types import Span

__all__ = [
    "Evidence",
    "Gate",
    "Gold",
    "Item",
    "Problem",
    "Suite",
    "SuiteInvalid",
    "attach_gold",
    "read_suite",
]


class SuiteInvalid(UsageError):
    """A suite that cannot be measured with; `problems` has all of what is wrong with it."""

    def __init__(self, folder: Path, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        super().__init__(
            f"the suite has {len(errors)} problem{'s' if len(errors) != 1 else ''}",
            where="; ".join(str(problem) for problem in errors[:20]) or str(folder),
            next_step="correct the lines named"
            + (
                ""
                if len(errors) <= 20
                else f" and see the other {len(errors) - 20} with `onrecord eval lint`"
            ),
        )
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Gate:
    """A bound that a metric must keep: at least `min`, or at most `max`; over one category or the whole suite."""

    metric: str
    min: float | None = None
    max: float | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Gold:
    """Where one piece of gold evidence stands: its document and every place of the quote in it (at least one)."""

    document_id: str
    places: tuple[Span, ...]
    quote: str


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite that was read without a problem. `gold` is empty until `attach_gold`."""

    folder: Path
    name: str
    items: tuple[Item, ...]
    digest: str
    version: str | None = None
    licence: str | None = None
    primary_metric: str | None = None
    gates: tuple[Gate, ...] = ()
    corpus_folder: Path | None = None
    warnings: tuple[Problem, ...] = ()
    gold: Mapping[str, tuple[Gold, ...]] = field(default_factory=dict)
    filter_documents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sample(self, size: int, seed: int) -> Suite:
        """`size` of the questions, drawn without replacement, in the suite's order; all of them where it has fewer.

        Only ids and `seed` decide: each question is ranked by a hash of both, so that a question added to the suite
        displaces at most one of a sample.
        """
        ranked = sorted(self.items, key=lambda item: hashlib.sha256(f"{seed}:{item.id}".encode()).hexdigest())
        chosen = {item.id for item in ranked[:size]}
        return dataclasses.replace(self, items=tuple(item for item in self.items if item.id in chosen))


def read_suite(folder: Path) -> Suite:
    """Read and check the suite's own files. Raises SuiteInvalid with every problem found."""
    problems: list[Problem] = []
    if not folder.is_dir():
        raise SuiteInvalid(folder, [Problem(str(folder), None, "", "there is no such folder")])
    questions = folder / "questions.jsonl"
    values = read_yaml(folder / "suite.yaml", problems)
    items: list[Item] = []
    if not questions.is_file():
        problems.append(Problem(str(questions), None, "", "the file is missing"))
    else:
        for line, value in read_objects(questions, problems):
            item = check_question(value, str(questions), line, problems)
            if item is not None:
                items.append(item)
        if not items and not problems:
            problems.append(Problem(str(questions), None, "", "the file holds no question"))
    _check_together(items, str(questions), problems)
    corpus_folder = _corpus_folder(folder, values, problems)
    if any(problem.severity == "error" for problem in problems):
        raise SuiteInvalid(folder, problems)
    return Suite(
        folder=folder,
        name=values.get("name") or folder.resolve().name,
        items=tuple(items),
        digest=_digest(folder),
        version=values.get("version"),
        licence=values.get("licence"),
        primary_metric=values.get("primary_metric"),
        gates=tuple(Gate(**gate) for gate in values.get("gates", ())),
        corpus_folder=corpus_folder,
        warnings=tuple(problems),
    )


def _digest(folder: Path) -> str:
    """sha256 over the bytes of `questions.jsonl` and `suite.yaml` (absent: null)."""
    parts = []
    for name in ("questions.jsonl", "suite.yaml"):
        path = folder / name
        parts.append([name, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None])
    return digest_of(parts)


def _corpus_folder(folder: Path, values: Mapping[str, Any], problems: list[Problem]) -> Path | None:
    named = values.get("corpus")
    corpus = folder / (named or "corpus")
    if corpus.is_dir():
        if not corpus_files(corpus):
            problems.append(Problem(str(corpus), None, "", "the corpus holds no file"))
        return corpus
    if named is not None:
        problems.append(Problem(str(folder / "suite.yaml"), None, "corpus", f"there is no folder {corpus}"))
    elif corpus.exists():
        problems.append(Problem(str(corpus), None, "", "the corpus is not a folder"))
    return None


def _check_together(items: Sequence[Item], file: str, problems: list[Problem]) -> None:
    """What can be wrong between questions: ids, questions and twins."""
    ids: dict[str, int] = {}
    asked: dict[str, Item] = {}
    for item in items:
        if item.id in ids:
            problems.append(
                Problem(file, item.line, "id", f"{item.id!r} is already the id of line {ids[item.id]}")
            )
        ids.setdefault(item.id, item.line)
        # The same words under other filters are another question ("and as of 3 March?").
        key = digest_of([" ".join(words(item.question, item.lang)) or item.question, item.filters_json()])
        if key in asked:
            other = asked[key]
            problems.append(
                Problem(
                    file, item.line, "question", f"the same question as line {other.line} (id {other.id!r})"
                )
            )
        asked.setdefault(key, item)
    for item in items:
        if item.twin_of is not None and item.twin_of not in ids:
            problems.append(Problem(file, item.line, "twin_of", f"no question has the id {item.twin_of!r}"))


def attach_gold(suite: Suite, corpus: Corpus | None) -> Suite:
    """Find each piece of gold evidence, and each document of a filter, in the corpus.

    `corpus` None means that there is none: an error where a question names evidence. Raises SuiteInvalid.
    """
    file = str(suite.folder / "questions.jsonl")
    problems = list(suite.warnings)
    gold: dict[str, tuple[Gold, ...]] = {}
    filters: dict[str, tuple[str, ...]] = {}
    if corpus is None:
        needed = sum(bool(item.evidence or item.filters.documents) for item in suite.items)
        problems.append(
            Problem(
                str(suite.folder),
                None,
                "corpus",
                "the suite has no corpus/ folder: name a --library"
                + (f" ({needed} questions name documents)" if needed else "; nothing in it could be checked"),
                "error" if needed else "warning",
            )
        )
    else:
        problems += [
            Problem(failure.path, None, "corpus", f"not read: {failure.reason}", "warning")
            for failure in corpus.failed
        ]
        for item in suite.items:
            gold[item.id] = _find_evidence(item, corpus, file, problems)
            filters[item.id] = _find_documents(item, corpus, file, problems)
    if any(problem.severity == "error" for problem in problems):
        raise SuiteInvalid(suite.folder, problems)
    return dataclasses.replace(suite, gold=gold, filter_documents=filters, warnings=tuple(problems))


def _find_evidence(item: Item, corpus: Corpus, file: str, problems: list[Problem]) -> tuple[Gold, ...]:
    found = []
    for index, evidence in enumerate(item.evidence):
        where = f"evidence[{index}]"
        try:
            document_id = corpus.resolve(evidence.document)
        except UnknownName as error:
            problems.append(Problem(file, item.line, f"{where}.document", str(error)))
            continue
        places = find_all(corpus.text(document_id) or "", evidence.quote)
        if places:
            found.append(Gold(document_id, tuple(places), evidence.quote))
        else:
            short = evidence.quote if len(evidence.quote) <= 60 else evidence.quote[:57] + "…"
            problems.append(
                Problem(
                    file,
                    item.line,
                    f"{where}.quote",
                    f"{short!r} is not in the document {evidence.document!r}",
                )
            )
    return tuple(found)


def _find_documents(item: Item, corpus: Corpus, file: str, problems: list[Problem]) -> tuple[str, ...]:
    found = []
    for name in item.filters.documents:
        try:
            found.append(corpus.resolve(name))
        except UnknownName as error:
            problems.append(Problem(file, item.line, "filters.document", str(error)))
    return tuple(found)


_YES_NO = frozenset(("yes", "no", "sí", "si"))


def leaks(suite: Suite) -> list[Problem]:
    """Questions in which an accepted answer stands: `lint` counts these as errors, a run only warns.

    A choice ("was it Milan or Rome?") has to name its answer, so a question with "or" (Spanish "o", "u") passes.
    """
    file = str(suite.folder / "questions.jsonl")
    found = []
    for item in suite.items:
        asked = item.question.lower().split()
        if {"or", "o", "u"} & set(asked):
            continue
        for index, answer in enumerate(item.answers or ()):
            if answer[0].lower() not in _YES_NO and contains_any([item.question], answer, item.lang):
                found.append(
                    Problem(
                        file, item.line, f"answers[{index}]", f"{answer[0]!r} stands in the question itself"
                    )
                )
    return found
