"""Suites made out of other formats: SQuAD, BEIR, MultiHop-RAG, CSV and ragas data sets.

Each reader gives documents and questions in the suite's own form; `import_suite` writes them and reads the result
back with the same checks that any suite meets, so what is written can be run.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from evals.beir import read_beir
from evals.squad import read_squad
from evals.suite import read_suite
from evals.text import contains_any, find_all
from rag.documents.building import canonical
from rag.errors import UsageError


@dataclass
class _Draft:
    """What is to become a suite: documents by file name, questions as JSON objects, things to tell the user."""

    name: str
    primary_metric: str
    documents: dict[str, str] = field(default_factory=dict)
    questions: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def document(self, text: str, label: str) -> str:
        """The file name of a document with this text; equal texts share one."""
        text = canonical(text).strip() + "\n"
        if text not in self._names:
            slug = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:40] or "document"
            self._names[text] = f"{len(self._names) + 1:05d}-{slug}.txt"
            self.documents[self._names[text]] = text
        return self._names[text]

    def ask(self, identity: str, question: str, answerable: bool, **fields: Any) -> None:
        given = {name: value for name, value in fields.items() if value not in (None, [], "")}
        self.questions.append({"id": identity, "question": question, "answerable": answerable, **given})


def import_suite(
    format_: str, source: Path, target: Path, *, corpus: Path | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Write `target` as a suite. Gives {"suite", "questions", "documents", "notes"}.

    Raises UsageError where the source is not of its format, or `target` is a folder with something in it.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "the folder for the suite is not empty", where=str(target), next_step="name a new one"
        )
    if format_ == "squad":
        draft = _squad(source, limit)
    elif format_ == "beir":
        draft = _beir(source, limit)
    elif format_ == "multihop-rag":
        draft = _multihop(source, corpus, limit)
    elif format_ == "csv":
        draft = _csv(source, limit)
    else:
        draft = _ragas(source, limit)
    _drop_repeats(draft)
    if not draft.questions:
        raise UsageError("the file holds no question", where=str(source), next_step="name another file")
    _write(draft, target)
    read_suite(target)
    return {
        "suite": str(target),
        "questions": len(draft.questions),
        "documents": len(draft.documents),
        "notes": draft.notes,
    }


def _drop_repeats(draft: _Draft) -> None:
    """A suite has no question twice: the first of equal ones stays, as the same words have one gold."""
    seen: set[str] = set()
    kept = []
    for question in draft.questions:
        key = json.dumps(
            [" ".join(re.findall(r"\w+", question["question"].lower())), question.get("filters")]
        )
        if key not in seen:
            seen.add(key)
            kept.append(question)
    if len(kept) < len(draft.questions):
        draft.notes.append(
            f"{len(draft.questions) - len(kept)} questions with the words of another one are left out"
        )
    draft.questions = kept


def _write(draft: _Draft, target: Path) -> None:
    (target / "corpus").mkdir(parents=True)
    for name, text in draft.documents.items():
        (target / "corpus" / name).write_text(text, encoding="utf-8", newline="")
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in draft.questions]
    (target / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    about = {"name": draft.name, "version": "1", "primary_metric": draft.primary_metric}
    (target / "suite.yaml").write_text(
        yaml.safe_dump(about, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )


def _squad(source: Path, limit: int | None) -> _Draft:
    """A document for each paragraph; the evidence is the first accepted answer, at any of its places in it."""
    draft = _Draft(source.stem, "answer_f1")
    ids: dict[str, int] = {}
    for asked in read_squad(source, limit).questions:
        name = draft.document(asked.context, asked.title or "paragraph")
        ids[asked.id] = ids.get(asked.id, 0) + 1
        identity = asked.id if ids[asked.id] == 1 else f"{asked.id}#{ids[asked.id]}"
        answers = list(dict.fromkeys(answer for answer in asked.answers if answer.strip()))
        quotes = [answer for answer in answers if find_all(draft.documents[name], answer)][:1]
        draft.ask(
            identity,
            asked.question,
            bool(answers),
            answers=answers,
            evidence=[{"document": name, "quote": quote} for quote in quotes],
            cluster=asked.title,
        )
    return draft


def _beir(source: Path, limit: int | None) -> _Draft:
    """A document for each entry of the corpus; a relevant document is evidence with its whole text as the quote.

    Documents judged relevant are alternatives where the data set has one answer in each of several; BEIR does not
    say, so all of them are one set, which is what recall@10 means there.
    """
    folder = read_beir(source)
    draft = _Draft(source.resolve().name, "recall@10")
    names = {
        entry.id: draft.document(entry.whole, entry.title or entry.id)
        for entry in folder.documents
        if entry.whole
    }
    for query, text in list(folder.queries.items())[:limit]:
        relevant = [names[key] for key, score in folder.qrels[query].items() if score > 0 and key in names]
        if relevant:
            evidence = [
                {"document": name, "quote": draft.documents[name].strip()} for name in dict.fromkeys(relevant)
            ]
            draft.ask(query, text, True, evidence=evidence)
    return draft


def _multihop(source: Path, corpus: Path | None, limit: int | None) -> _Draft:
    """Questions with their evidence sentences (`evidence_list`), an article each by its title.

    The articles' texts are in a file of their own; without it a document holds only its evidence sentences, which
    makes retrieval far too easy, and the suite's name says so.
    """
    entries = _json_entries(source)
    corpus = corpus or next((path for path in (source.parent / "corpus.json",) if path.exists()), None)
    bodies: dict[str, str] = {}
    if corpus is not None:
        for number, article in enumerate(_json_entries(corpus)):
            title = _text(article, "title", corpus, number)
            bodies[title] = _article(article, _text(article, "body", corpus, number))
    draft = _Draft("multihop-rag" if bodies else "multihop-rag-evidence-only", "accuracy")
    if not bodies:
        draft.notes.append(
            "no articles (--corpus): each document holds only the evidence sentences of its article"
        )
        facts: dict[str, dict[str, Any]] = {}
        for entry in entries:
            for piece in entry.get("evidence_list") or ():
                article = facts.setdefault(str(piece.get("title")), {**piece, "facts": {}})
                article["facts"][str(piece.get("fact", "")).strip()] = None
        bodies = {title: _article(article, "\n\n".join(article["facts"])) for title, article in facts.items()}
    names = {title: draft.document(text, title) for title, text in bodies.items()}
    lost = 0
    for number, entry in enumerate(entries[:limit]):
        answer = str(entry.get("answer") or "").strip()
        pieces = entry.get("evidence_list") or []
        answerable = entry.get("question_type") != "null_query" and bool(answer)
        evidence = [
            {"document": names[piece["title"]], "quote": piece["fact"].strip()}
            for piece in pieces
            if piece.get("title") in names
            and find_all(draft.documents[names[piece["title"]]], piece.get("fact") or "")
        ]
        lost += len(pieces) - len(evidence)
        draft.ask(
            str(entry.get("id", number)),
            _text(entry, "query", source, number),
            answerable,
            answers=[answer] if answerable else None,
            evidence=evidence if answerable else None,
            category=entry.get("question_type"),
        )
    if lost:
        draft.notes.append(f"{lost} evidence sentences do not stand in their article and are left out")
    return draft


def _article(article: Mapping[str, Any], body: str) -> str:
    head = [article.get("title"), article.get("source"), article.get("author"), article.get("published_at")]
    return "\n".join(str(part) for part in head if part) + "\n\n" + body


def _csv(source: Path, limit: int | None) -> _Draft:
    """Columns: `question`; optional `id`, `answerable`, `answer` (or `answers`; alternatives separated by |),
    `document`, `quote`, `text` (the document's text, else a file of that name beside the CSV), `category`, `lang`,
    `cluster`. Without `answerable`, a question with an answer or a quote is answerable."""
    draft = _Draft(source.stem, "accuracy")
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"the file cannot be read ({error})", where=str(source), next_step="save it as UTF-8 CSV"
        ) from error
    for number, row in enumerate(rows[:limit], start=2):
        cells = {
            str(name).strip().lower(): (value or "").strip()
            for name, value in row.items()
            if name and isinstance(value, str)
        }
        if not cells.get("question"):
            raise UsageError(
                "the question is missing", where=f"{source}, row {number}", next_step="correct the row"
            )
        answers = [
            part.strip()
            for part in (cells.get("answers") or cells.get("answer") or "").split("|")
            if part.strip()
        ]
        evidence = _csv_evidence(draft, cells, source, number)
        given = cells.get("answerable", "").lower()
        if given not in {"", "true", "false", "yes", "no", "1", "0"}:
            raise UsageError(
                f"answerable is {given!r}", where=f"{source}, row {number}", next_step="write true or false"
            )
        answerable = given in {"true", "yes", "1"} if given else bool(answers or evidence)
        draft.ask(
            cells.get("id") or f"row-{number}",
            cells["question"],
            answerable,
            answers=answers if answerable else None,
            evidence=evidence if answerable else None,
            category=cells.get("category"),
            lang=cells.get("lang"),
            cluster=cells.get("cluster"),
        )
    return draft


def _csv_evidence(draft: _Draft, cells: Mapping[str, str], source: Path, number: int) -> list[dict[str, str]]:
    text = cells.get("text", "")
    if not text and cells.get("document"):
        # Only a file beside the CSV: its cells are data, not paths to follow anywhere.
        beside = source.parent / Path(cells["document"]).name
        if not beside.is_file():
            raise UsageError(
                f"the document {cells['document']!r} is not beside the file",
                where=f"{source}, row {number}",
                next_step="put it there, or give its text in a column `text`",
            )
        text = beside.read_text(encoding="utf-8-sig")
    if not text:
        return []
    name = draft.document(text, cells.get("document") or "document")
    quote = cells.get("quote", "")
    if quote and not find_all(draft.documents[name], quote):
        raise UsageError(
            "the quote is not in the document", where=f"{source}, row {number}", next_step="correct the row"
        )
    return [{"document": name, "quote": quote}] if quote else []


def _ragas(source: Path, limit: int | None) -> _Draft:
    """Rows of a ragas data set (JSON, JSON Lines or CSV): `user_input` (or `question`), `reference` (or
    `ground_truth`), `reference_contexts` (or `retrieved_contexts`, `contexts`). Contexts become the documents.

    A reference is a sentence, hardly ever repeated word for word: it is a nugget where it is long, an answer where it
    has at most five words. Contexts are evidence where they are reference contexts.
    """
    draft = _Draft(source.stem, "recall@10")
    for number, entry in enumerate(_json_entries(source)[:limit]):
        question = entry.get("user_input") or entry.get("question")
        if not isinstance(question, str):
            raise UsageError(
                "user_input is missing", where=f"{source}, row {number + 1}", next_step="correct the row"
            )
        reference = entry.get("reference") or entry.get("ground_truth") or ""
        if isinstance(reference, list):
            reference = reference[0] if reference else ""
        gold = _texts(entry.get("reference_contexts"))
        names = [draft.document(text, f"context {number + 1}") for text in gold]
        for text in _texts(entry.get("retrieved_contexts") or entry.get("contexts")):
            draft.document(text, f"context {number + 1}")
        short = isinstance(reference, str) and 0 < len(reference.split()) <= 5
        draft.ask(
            str(entry.get("id", f"row-{number + 1}")),
            question,
            bool(reference or names),
            answers=[reference] if short and not contains_any([question], [reference]) else None,
            nuggets=[{"text": reference, "importance": "vital"}] if reference and not short else None,
            evidence=[
                {"document": name, "quote": draft.documents[name].strip()} for name in dict.fromkeys(names)
            ],
        )
    if not draft.documents:
        draft.notes.append("no contexts in the file: name a --library when you run the suite")
    return draft


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        # CSV exports hold a list as its Python or JSON text; anything else is one context.
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            value = [value]
    return [text for text in value or () if isinstance(text, str) and text.strip()]


def _json_entries(source: Path) -> list[dict[str, Any]]:
    """The objects of a JSON list, a JSON Lines file, or (by its name) a CSV file."""
    try:
        text = source.read_text(encoding="utf-8-sig")
        if source.suffix.lower() == ".csv":
            return [dict(row) for row in csv.DictReader(text.splitlines(keepends=True))]
        found = json.loads(text) if text.lstrip().startswith("[") else list(_json_lines(text, source))
    except FileNotFoundError as error:
        raise UsageError("there is no such file", where=str(source), next_step="name another file") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise UsageError(
            f"the file cannot be read ({error})", where=str(source), next_step="correct it"
        ) from error
    for number, entry in enumerate(found, start=1):
        if not isinstance(entry, dict):
            raise UsageError("an object is needed", where=f"{source}, entry {number}", next_step="correct it")
    return list(found)


def _json_lines(text: str, source: Path) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise UsageError(
                    f"not JSON: {error.msg}", where=f"{source}:{number}", next_step="correct the line"
                ) from error


def _text(entry: Mapping[str, Any], name: str, source: Path, number: int) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(
            f"{name} is missing", where=f"{source}, entry {number + 1}", next_step="correct the file"
        )
    return value
