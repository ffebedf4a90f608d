"""What the Evaluate page does, without any Gradio in it: find suites, check one, run one.

A run works in a thread of its own, so it goes on when the page that started it is closed, and every page can follow
and stop it. One suite runs at a time. `evals` is imported when it is used: it is not small.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import OnRecordError, UsageError
from rag.settings import Settings
from ui.runs import Runs
from ui.words import message, said

if TYPE_CHECKING:
    from evals.checker import Problem
    from evals.corpus import Corpus
    from evals.lint import Checked
    from evals.run import Finished, RunOptions
    from evals.suite import Suite
    from rag.index.library import Library

SUITES_VARIABLE = "ONRECORD_SUITES"
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """How far the run is, or how the last one ended. `rate` is questions a second, `left` seconds; None: not known."""

    running: bool = False
    doing: str = ""
    done: int = 0
    of: int = 0
    failed: int = 0
    rate: float | None = None
    left: float | None = None
    message: str = ""
    bad: bool = False
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    run: str | None = None  # the name of the run's folder, once it is known


class _Stopped(Exception):
    """Someone asked the run to stop. Every answer until now is kept."""


class Bench:
    """Suites and runs of one app. Safe to share between threads.

    `library` is the app's own, asked by suites that have no documents. `any_folder`: people may name a folder or a
    model of their own; only for an app that one person on this machine can reach, since its files are then shown.
    """

    def __init__(self, folder: Path, library: Path, settings: Settings, *, any_folder: bool) -> None:
        self.folder = folder.absolute()
        self.runs = Runs(self.folder, library, settings)
        self.any_folder = any_folder
        self.settings = settings
        self._library = library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = State()
        self._named: list[Path] = []

    def close(self, seconds: float = 5.0) -> None:
        """Ask a run to stop and wait for it a little; it can be gone on with later, whatever happens to it."""
        self.stop()
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    # Suites ---------------------------------------------------------------------------------------------------------

    def suites(self) -> list[Path]:
        """The shipped suites, those of ONRECORD_SUITES, then the folders that were named and found good."""
        import evals

        # Each entry of the variable is a suite, or a folder of suites.
        places = [Path(evals.__file__).parent / "suites"]
        places += [Path(part) for part in os.environ.get(SUITES_VARIABLE, "").split(os.pathsep) if part]
        found: list[Path] = []
        for place in places:
            inside = sorted(place.iterdir()) if place.is_dir() else []
            found += [each for each in (place, *inside) if (each / "questions.jsonl").is_file()]
        return list(dict.fromkeys(each.absolute() for each in (*found, *self._named)))

    def check(self, folder: str) -> Checked:
        """Every problem of a suite; a good one is added to the list. Raises UsageError where it may not be named."""
        from evals.lint import check_suite

        path = self._suite(folder)
        checked = check_suite(path, self.settings, otherwise=self._library)
        if checked.good and path not in self.suites():
            self._named.append(path)
        return checked

    def _suite(self, folder: str) -> Path:
        path = Path(os.path.expanduser(folder.strip())).absolute()
        if not folder.strip():
            raise UsageError("no suite was named", next_step="choose one, or give its folder")
        if not self.any_folder and path not in self.suites():
            raise UsageError(
                "this app runs only the suites in its list",
                next_step=f"let whoever runs it name the folder in {SUITES_VARIABLE}",
            )
        return path

    # Running --------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        return self._state

    def stop(self) -> None:
        """Ask the run to stop after the question that it is at."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def start(
        self,
        suite: str,
        *,
        sample: int | None = None,
        answerer: str | None = None,
        retry_failed: bool = False,
    ) -> None:
        """Run a suite, or go on with the run of it that was stopped. Raises UsageError where one is running already."""
        from evals.run import RunOptions

        folder = self._suite(suite)
        options = RunOptions(sample=sample, retry_failed=retry_failed)
        settings = self.settings
        if answerer and answerer != settings.answer.answerer:
            if not self.any_folder:
                raise UsageError("this app has one answerer", next_step="leave the field empty")
            settings = settings.with_answer(answerer=answerer)
        with self._lock:
            if self._state.running:
                raise UsageError("a suite is running already", next_step="wait for it, or stop it first")
            self._stop.clear()
            self._state = State(running=True, doing="Reading the suite")
            self._thread = threading.Thread(target=self._work, args=(folder, settings, options), daemon=True)
            self._thread.start()

    def _work(self, folder: Path, settings: Settings, options: RunOptions) -> None:
        from evals.suite import SuiteInvalid

        notes: list[str] = []
        try:
            ended = self._run(folder, settings, options, notes)
        except _Stopped:
            ended = State(message="Stopped. Press Run again to go on where it stopped.", run=self._state.run)
        except SuiteInvalid as error:
            ended = State(message=_count(error.problems), bad=True, problems=error.problems)
        except OnRecordError as error:
            ended = State(message=message(error), bad=True, run=self._state.run, notes=tuple(notes))
        except Exception as error:  # noqa: BLE001 - the border of the thread: without it the page would wait for ever
            _log.exception("a run failed")
            ended = State(message=f"The run failed: {type(error).__name__}: {error}", bad=True)
        self._state = ended

    def _run(self, folder: Path, settings: Settings, options: RunOptions, notes: list[str]) -> State:
        """What the run came to; `notes` grows by what is told beside it, also where this raises."""
        from evals.run import default_folder, identity_of, run_suite
        from evals.suite import attach_gold, leaks, read_suite
        from evals.system import PipelineSystem

        suite = read_suite(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone(), self._documents_of(suite, settings, notes) as (library, corpus):
            suite = attach_gold(suite, corpus)
            notes += [str(problem) for problem in (*suite.warnings, *leaks(suite))]
            system = PipelineSystem(library, settings, settings.answer.answerer)
            asked = suite if options.sample is None else suite.sample(options.sample, options.seed)
            identity = identity_of(asked, corpus, system, settings, options)
            out = self.folder / default_folder(asked, identity).name
            before = (out / "summary.json").is_file()
            self._state = State(running=True, doing="Asking", of=len(asked.items), run=out.name)
            finished = run_suite(suite, corpus, system, settings, out, options, self._meter("Asking"))
        return _ended(suite, finished, before, notes)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one app at a time runs suites into the folder: two would write the same lines."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".running.lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(
                "another app is running a suite here", where=str(self.folder), next_step="wait for it"
            ) from None

    @contextmanager
    def _documents_of(
        self, suite: Suite, settings: Settings, notes: list[str]
    ) -> Iterator[tuple[Library, Corpus]]:
        """The library made of the suite's documents; the app's own library where it has none."""
        from evals.corpus import of_library
        from evals.index import suite_library
        from rag.index.library import Library

        if suite.corpus_folder is None:
            with Library.open(self._library, settings) as library:
                yield library, of_library(library)
            return
        library, digest = suite_library(
            suite.corpus_folder, settings, self.folder / ".libraries", notes.append, self._meter("Indexing")
        )
        with library:
            yield library, of_library(library, digest)

    def _meter(self, doing: str) -> Callable[..., None]:
        """Takes (done, of, failed or a label) and keeps it as the state; ends the run where that was asked for.

        The rate is of what this run did: answers that were there before are not in it.
        """
        started = time.monotonic()
        first: int | None = None

        def report(done: int, of: int, more: int | str = 0) -> None:
            nonlocal first
            if first is None:
                first = max(0, done - 1)
            passed = time.monotonic() - started
            rate = (done - first) / passed if passed > 0 and done > first else None
            self._state = State(
                running=True,
                doing=doing,
                done=done,
                of=of,
                failed=more if isinstance(more, int) else 0,
                rate=rate,
                left=None if rate is None else (of - done) / rate,
                run=self._state.run,
            )
            if self._stop.is_set() and done < of:
                raise _Stopped

        return report


def _ended(suite: Suite, finished: Finished, before: bool, notes: list[str]) -> State:
    from evals.gate import broken_gates

    summary = finished.summary
    notes += [f"Gate failed: {sentence}" for sentence in broken_gates(suite.gates, summary)]
    bad = True
    if finished.stopped is not None:
        told = f"Incomplete: {finished.stopped}; {said(finished.next_step)}."
    elif finished.failed:
        told = (
            f"Finished, but {finished.failed} of {summary['wanted']} questions crashed or passed the time limit and "
            "count as wrong."
        )
    elif before:
        told, bad = "This run was there already: its answers were scored again, nothing was asked.", False
    else:
        told, bad = f"Finished: {summary['results']} answers.", False
    return State(message=told, bad=bad, notes=tuple(notes), run=finished.folder.name)


def _count(problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    return f"The suite cannot be used: {errors} problem{'' if errors == 1 else 's'}."
