"""Suites in a folder, and small real implementations of the bench's Protocols."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.corpus import Source
from rag.types import Filters

TEXTS = {
    "first.txt": "Flight one\n\nOfficials said 26 people were flown north in February. Nobody was named.\n",
    "sub/second.txt": "Flight two\n\nIn August, 29 more people followed, “a gesture” – said Ana López Ruiz.\n",
    "third.txt": "Flight three\n\nThe January flight carried 37 people. In all, 92 were sent.\n",
}


def load_text(data: bytes, path: str) -> Iterator[Source]:
    """A reader of plain text: the id is the file's name, the text is its UTF-8."""
    text = data.decode()
    yield Source("doc-" + Path(path).stem, (path,), lambda: text)


def write_suite(
    folder: Path,
    questions: list[Any] | bytes,
    yaml: str | bytes | None = None,
    texts: dict[str, str] | None = TEXTS,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(questions, bytes):
        (folder / "questions.jsonl").write_bytes(questions)
    else:
        lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in questions]
        (folder / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    if yaml is not None:
        (folder / "suite.yaml").write_bytes(yaml if isinstance(yaml, bytes) else yaml.encode())
    for name, text in (texts or {}).items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def suite_folder(tmp_path: Path) -> Callable[..., Path]:
    def make(questions: list[Any] | bytes, yaml: str | bytes | None = None, **more: Any) -> Path:
        return write_suite(tmp_path / "suite", questions, yaml, **more)

    return make


class ScriptedSystem:
    """A real implementation of `evals.system.System` that quotes "26 people" of first.txt, or does what it is told.

    "crash?", "late?", "decline?" and "broken?" do what they say. `delay` gives seconds for a question; `log` is a
    file to which every question asked is appended.
    """

    def __init__(
        self, name: str = "scripted", delay: Callable[[str], float] | None = None, log: Path | None = None
    ) -> None:
        self.name, self.delay, self.log = name, delay, log
        self.asked: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        return {"answerer": self.name}

    def ask(self, question: str, filters: Filters) -> dict[str, Any]:
        self.asked.append(question)
        if self.log is not None:
            with self.log.open("a") as stream:
                stream.write(question + "\n")
        if self.delay is not None:
            time.sleep(self.delay(question))
        if question == "crash?":
            raise RuntimeError("the model fell over")
        if question == "late?":
            time.sleep(1)
        if question == "broken?":
            return {"answer": "26"}
        text = TEXTS["first.txt"]
        start = text.index("26 people")
        answered = question != "decline?"
        citation = {
            "marker": 1,
            "document_id": "doc-first",
            "path": "first.txt",
            "start": start,
            "end": start + 9,
            "quote": "26 people",
            "speaker": None,
        }
        return {
            "question": question,
            "status": "answered" if answered else "no_answer",
            "reason": None if answered else "declined",
            "answer": "26 [1]" if answered else "The documents do not say.",
            "short_answers": ["26"] if answered else [],
            "statements": [{"text": "26 people", "citations": [1], "speaker": None}] if answered else [],
            "citations": [citation] if answered else [],
            "disagreement": None,
            "withheld": [],
            "hits": [{"document_id": "doc-first", "start": 0, "end": len(text), "score": 0.5, "rank": 1}],
            "confidence": 0.25 + 0.5 * (len(question) % 2),
            "answerer": self.name,
            "timings_ms": {"retrieve": 1.0, "answer": 2.0, "total": 3.0 + time.time() % 1},
        }
