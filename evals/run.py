"""Run a suite: every question asked once, its answer scored and on the disk before the next counts as done.

The same command again goes on where it stopped, and scores a finished run again to the same bytes. What a run is
(`identity`: suite, corpus, settings, system, sample, trials) is written first; a folder that holds another run is
never mixed with this one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evals.budget import Budget, Failures, Spending, check_priced, sum_of, usage_json
from evals.cache import AnswerCache
from evals.calls import Outcome, TooManyAbandoned, call_all
from evals.corpus import Corpus
from evals.score import Record, categories, contexts, gold_json, score_question, summarise
from evals.store import Key, RunFolder
from evals.suite import Item, Suite
from evals.system import System, check_ask, filters_of, usage_of
from evals.ways import RunWay
from rag.answer.model import Usage
from rag.errors import UsageError
from rag.settings import Settings, digest_of
from rag.wording import Phrase

FORMAT = 1
_PACKAGES = (
    "onrecord numpy tantivy tokenizers openvino onnxruntime torch sentence-transformers chromadb llama-index-core "
    "ir-measures scipy statsmodels"
)

Report = Callable[[int, int, int], None]  # done, of, failed

_MORE = "run the same command with a greater --max-tokens or --max-cost to go on"
_REPAIR = Phrase("see to the cause, then ", RunWay.RETRY)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a suite is run. `sample` None means every question; `time_limit` is seconds for one question.

    `max_tokens` and `max_cost` (US dollars) are budgets of the whole run, of everything asked of a language model for
    it so far; None is no limit. They do not belong to what a run is: the same run goes on with a greater one.
    """

    trials: int = 1
    jobs: int = 1
    time_limit: float = 300.0
    sample: int | None = None
    seed: int = 0
    cache: Path | None = None
    retry_failed: bool = False
    max_tokens: int | None = None
    max_cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "jobs", "time_limit", "max_tokens", "max_cost"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(
                    f"--{name.replace('_', '-')} must be more than 0", next_step="give another value"
                )
        if self.sample is not None and self.sample < 1:
            raise UsageError("--sample must be at least 1", next_step="give another value, or leave it out")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run came to. `stopped` says why it is unfinished; None where every question has a result.

    `next_step` is what makes a stopped run go on.
    """

    summary: dict[str, Any]
    folder: Path
    stopped: str | None = None
    failed: int = 0
    next_step: str = RunWay.GO_ON

    @property
    def complete(self) -> bool:
        return self.stopped is None and not self.failed


@dataclass(frozen=True, slots=True)
class _Task:
    item: Item
    trial: int

    @property
    def key(self) -> Key:
        return self.item.id, self.trial


@dataclass
class _Bench:
    """The parts that every step of one run needs."""

    suite: Suite
    corpus: Corpus
    system: System
    options: RunOptions
    folder: RunFolder
    cache: AnswerCache | None
    spending: Spending = field(default_factory=lambda: Spending(Usage(cost=0.0)))
    cached: set[Key] = field(default_factory=set)
    used: dict[Key, Usage] = field(default_factory=dict)

    def tasks(self) -> list[_Task]:
        return [_Task(item, trial) for trial in range(self.options.trials) for item in self.suite.items]

    def ask(self, task: _Task) -> dict[str, Any]:
        asked = task.item.asked()
        kept = self.cache.get(asked, task.trial) if self.cache else None
        if kept is not None:
            self.cached.add(task.key)
            return kept
        documents = self.suite.filter_documents.get(task.item.id, ())
        before = usage_of(self.system)
        try:
            found = self.system.ask(task.item.question, filters_of(asked["filters"], documents))
        finally:
            after = usage_of(self.system)
            if before is not None and after is not None:
                self.used[task.key] = after - before
                self.spending.add(after - before)
        check_ask(found)
        if self.cache:
            self.cache.put(asked, task.trial, found)
        return found

    def record(self, task: _Task, outcome: Outcome[_Task]) -> Record:
        ask = outcome.value
        # Times differ between two runs whose results are equal, so they are kept in timings.jsonl.
        kept = None if ask is None else {**ask, "timings_ms": None}
        state = outcome.state if ask is None else ask["status"]
        return self.scored(task, state, outcome.error, kept)

    def scored(self, task: _Task, state: str, error: str | None, ask: dict[str, Any] | None) -> Record:
        item, gold = task.item, self.suite.gold.get(task.item.id, ())
        return {
            "id": item.id,
            "trial": task.trial,
            "rev": item.rev,
            "question": item.question,
            "category": item.category,
            "cluster": item.cluster,
            "lang": item.lang,
            "split": item.split,
            "state": state,
            "error": error,
            "ask": ask,
            "contexts": contexts(ask, self.corpus.text),
            "gold": gold_json(item, gold),
            **score_question(item, gold, state, ask, self.corpus.text),
        }


def run_suite(
    suite: Suite,
    corpus: Corpus,
    system: System,
    settings: Settings,
    out: Path | None,
    options: RunOptions | None = None,
    report: Report | None = None,
) -> Finished:
    """Run (or go on with, or score again) `suite` and write the run folder; `out` None chooses its name.

    Raises UsageError where `out` holds another run. A run that stops early is returned with `stopped` set.
    """
    options = options or RunOptions()
    if options.sample is not None:
        suite = suite.sample(options.sample, options.seed)
    check_priced(Budget(options.max_tokens, options.max_cost), usage_of(system))
    identity = identity_of(suite, corpus, system, settings, options)
    folder = RunFolder(out or default_folder(suite, identity))
    _start(folder, identity, settings)
    cache = None
    if options.cache is not None:
        cache = AnswerCache(options.cache, corpus.digest, settings.digest(), system.fingerprint())
    spending = Spending(sum_of(folder.all_timings())[0])
    bench = _Bench(suite, corpus, system, options, folder, cache, spending)
    order = [task.key for task in bench.tasks()]
    known = folder.recover(order)
    if options.retry_failed and any(_failed(record) for record in known.values()):
        known = {key: record for key, record in known.items() if not _failed(record)}
        folder.rewrite(order, known)
    kept = set(known)
    stopped, next_step = _ask_missing(bench, order, known, report)
    if stopped is None and kept:
        _score_again(bench, order, known, kept)
    records = [known[key] for key in order if key in known]
    failed = sum(map(_failed, records))
    summary = _summary(suite, records, folder, order, failed)
    if stopped is None:
        folder.finish(summary)
    return Finished(summary, folder.path, stopped, failed, next_step)


def _failed(record: Record) -> bool:
    return record["state"] in {"error", "timeout"}


def _ask_missing(
    bench: _Bench, order: list[Key], known: dict[Key, Record], report: Report | None
) -> tuple[str | None, str]:
    """Ask what has no answer yet; add it to `known` and to the folder. Why it stopped early (or None), and what helps."""
    missing = [task for task in bench.tasks() if task.key not in known]
    budget = Budget(bench.options.max_tokens, bench.options.max_cost)
    failures = Failures()

    def affordable() -> Iterator[_Task]:
        """Taken one by one, each right before it is asked."""
        for task in missing:
            if budget.spent(bench.spending.total):
                return
            yield task

    done = next((index for index, key in enumerate(order) if key not in known), len(order))
    failed = sum(map(_failed, known.values()))
    try:
        for outcome in call_all(
            affordable(), bench.ask, jobs=bench.options.jobs, time_limit=bench.options.time_limit
        ):
            task = outcome.task
            record = bench.record(task, outcome)
            bench.folder.add_timing(
                task.key,
                {
                    "wall_ms": round(outcome.wall_ms, 3),
                    "timings_ms": outcome.value["timings_ms"] if outcome.value else None,
                    "cached": task.key in bench.cached,
                    "usage": usage_json(bench.used[task.key]) if task.key in bench.used else None,
                },
            )
            known[task.key] = record
            failed += _failed(record)
            bench.folder.append(record, in_turn=task.key == order[done])
            if task.key == order[done]:
                done += 1
                while done < len(order) and order[done] in known:
                    bench.folder.append(known[order[done]], in_turn=True)
                    done += 1
            if report is not None:
                report(len(known), len(order), failed)
            if hopeless := failures.after(outcome.problem):
                return hopeless, _REPAIR
    except TooManyAbandoned as error:
        return str(error), RunWay.GO_ON
    except KeyboardInterrupt:
        return "interrupted", RunWay.GO_ON
    if len(known) < len(order):
        return budget.spent(bench.spending.total), _MORE
    return None, ""


def _score_again(bench: _Bench, order: list[Key], known: dict[Key, Record], kept: set[Key]) -> None:
    """Score the answers of `kept` as they are on the disk; nothing is written where nothing changes."""
    for task in bench.tasks():
        if task.key in kept:
            record = known[task.key]
            known[task.key] = bench.scored(task, record["state"], record["error"], record["ask"])
    bench.folder.rewrite(order, known)


def _summary(
    suite: Suite, records: list[Record], folder: RunFolder, order: list[Key], failed: int
) -> dict[str, Any]:
    latencies = folder.latencies(order)
    used, asked = sum_of(folder.all_timings())
    percentiles: dict[str, float | None] = {"p50": None, "p95": None}
    if latencies:
        p50, p95 = np.percentile(latencies, [50, 95])
        percentiles = {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
    return {
        "suite": suite.name,
        "questions": len(suite.items),
        "results": len(records),
        "wanted": len(order),
        "scored": len(records) - failed,
        "failed": failed,
        "states": {
            state: sum(record["state"] == state for record in records)
            for state in ("answered", "no_answer", "error", "timeout")
        },
        "primary_metric": suite.primary_metric,
        "metrics": summarise(records),
        "by_category": categories(records),
        "latency_ms": percentiles,
        # Of everything asked for this run, failed questions and repeated ones too; null without a language model.
        "usage": {**usage_json(used), "questions": asked} if asked else None,
    }


# What a run is --------------------------------------------------------------------------------------------------------


def identity_of(
    suite: Suite, corpus: Corpus, system: System, settings: Settings, options: RunOptions
) -> dict[str, Any]:
    """Everything that decides the results. Two runs with one identity can be continued by each other."""
    return {
        "suite": {
            "name": suite.name,
            "version": suite.version,
            "digest": suite.digest,
            "questions": len(suite.items),
            "primary_metric": suite.primary_metric,
        },
        "corpus": {"digest": corpus.digest, "documents": len(corpus)},
        "settings": dataclasses.asdict(settings),
        "settings_digest": settings.digest(),
        "system": system.fingerprint(),
        "trials": options.trials,
        "sample": None if options.sample is None else {"size": options.sample, "seed": options.seed},
        "time_limit_s": options.time_limit,
    }


def default_folder(suite: Suite, identity: Mapping[str, Any]) -> Path:
    """`runs/<suite>-<answerer>-<digest8>` below the current folder; another identity gives another name."""
    answerer = str(identity["system"].get("answerer", "system"))
    name = re.sub(r"[^\w.+-]+", "-", f"{suite.name}-{answerer}").strip("-")[:80]
    return Path("runs") / f"{name}-{digest_of(dict(identity))[:8]}"


def _start(folder: RunFolder, identity: dict[str, Any], settings: Settings) -> None:
    found = folder.description()
    if found is None:
        if folder.results.exists():
            raise UsageError(
                "the folder holds results without run.json",
                where=str(folder.path),
                next_step=RunWay.OTHER_FOLDER,
            )
        folder.start({"format": FORMAT, "identity": identity, "environment": environment()})
        return
    before = found.get("identity", {})
    different = sorted(
        name for name in identity.keys() | before.keys() if identity.get(name) != before.get(name)
    )
    if different:
        raise UsageError(
            f"the folder holds another run (other {', '.join(different)})",
            where=str(folder.path),
            next_step=RunWay.OTHER_FOLDER,
        )


def environment() -> dict[str, Any]:
    """Versions, machine and commit: recorded, not compared. `commit` is null outside a git checkout."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES.split():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    commit = _git("rev-parse", "HEAD")
    return {
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions,
        "commit": commit,
        "uncommitted_changes": None if commit is None else bool(_git("status", "--porcelain", "-uno")),
    }


def _git(*arguments: str) -> str | None:
    if not (Path(__file__).parents[1] / ".git").exists():
        return None  # installed somewhere: a repository around that place is not ours
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
