"""Which documents a suite is checked against, and that all of what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.lint import Checked, check_suite
from rag.errors import LibraryMissing
from rag.index.library import Library
from rag.settings import Settings
from tests.evals.conftest import write_suite

SETTINGS = Settings()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with one document, which no suite here has of its own."""
    folder = tmp_path_factory.mktemp("lint")
    (folder / "first.txt").write_text("The harbour of Vella has nine cranes.", encoding="utf-8")
    with Library.open(folder / "library", SETTINGS, write=True, create=True) as opened:
        opened.add([folder / "first.txt"])
    return folder / "library"


def suite_with(folder: Path, quote: str, **more: object) -> Path:
    question = {"id": "a", "question": "How many?", "answerable": True}
    evidence = [{"document": "first.txt", "quote": quote}]
    return write_suite(folder / "suite", [question | {"evidence": evidence}], **more)  # type: ignore[arg-type]


def reasons(checked: Checked) -> list[str]:
    return [problem.reason for problem in checked.errors]


def test_gold_is_looked_up_in_the_suite_s_own_documents(tmp_path: Path, library: Path) -> None:
    suite = suite_with(tmp_path, "26 people were flown north")
    assert check_suite(suite, SETTINGS, otherwise=library) == Checked(suite, 1, ())
    assert reasons(check_suite(suite, SETTINGS, library=library)) == [
        "'26 people were flown north' is not in the document 'first.txt'"
    ]


def test_a_suite_without_documents_is_looked_up_in_a_library(tmp_path: Path, library: Path) -> None:
    suite = suite_with(tmp_path, "nine cranes", texts=None)
    assert check_suite(suite, SETTINGS, library=library).good
    assert check_suite(suite, SETTINGS, otherwise=library).good
    (reason,) = reasons(check_suite(suite, SETTINGS))
    assert "no corpus/ folder" in reason
    with pytest.raises(LibraryMissing):
        check_suite(suite, SETTINGS, otherwise=tmp_path / "none")


def test_problems_are_of_the_questions_and_of_their_gold_and_warnings_are_none(tmp_path: Path) -> None:
    question = {"id": "a", "question": "Did 26 people fly?", "answerable": True, "answers": ["26"]}
    evidence = [{"document": "none.txt", "quote": "x"}]
    suite = write_suite(tmp_path / "suite", [question | {"evidence": evidence}])
    (suite / "corpus" / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    checked = check_suite(suite, SETTINGS)
    assert [problem.field for problem in checked.errors] == ["answers[0]", "evidence[0].document"]
    assert [problem.field for problem in checked.warnings] == ["corpus"]
    assert (checked.questions, checked.good) == (1, False)
    assert check_suite(tmp_path / "nowhere", SETTINGS).questions == 0
