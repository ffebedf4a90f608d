"""Suites in a folder, and small real implementations of the bench's Protocols."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.corpus import Source

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
