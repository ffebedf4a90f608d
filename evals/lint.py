"""Everything that is wrong with a suite: its own files, its documents, and whether its gold stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.corpus import Corpus, document_loader, of_library, read_folder
from evals.suite import Problem, Suite, SuiteInvalid, attach_gold, leaks, read_suite
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """A suite's folder, how many questions could be read, and what is wrong. Warnings do not make it bad."""

    folder: Path
    questions: int
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    @property
    def good(self) -> bool:
        return not self.errors


def check_suite(
    folder: Path, settings: Settings, *, library: Path | None = None, otherwise: Path | None = None
) -> Checked:
    """Read the suite and look its gold up in `library`, else in its own documents, else in the library `otherwise`.

    Raises UsageError where a library that is needed cannot be opened; all that is wrong with the suite is returned.
    """
    questions = 0
    problems: list[Problem] = []
    try:
        suite = read_suite(folder)
        questions = len(suite.items)
        problems += leaks(suite)
        with _documents(suite, settings, library, otherwise) as corpus:
            problems += attach_gold(suite, corpus).warnings
    except SuiteInvalid as error:
        problems += error.problems
    return Checked(folder, questions, tuple(problems))


@contextmanager
def _documents(
    suite: Suite, settings: Settings, library: Path | None, otherwise: Path | None
) -> Iterator[Corpus | None]:
    from rag.index.library import Library

    if library is None and suite.corpus_folder is not None:
        yield read_folder(suite.corpus_folder, document_loader(settings))
        return
    named = library or otherwise
    if named is None:
        yield None
        return
    with Library.open(named, settings) as opened:
        yield of_library(opened)
