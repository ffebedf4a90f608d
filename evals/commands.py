"""What each command of `onrecord eval` does: parsed arguments in, exit code out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.corpus import Corpus, of_library
from evals.lint import check_suite
from evals.suite import Suite, attach_gold, leaks, read_suite
from evals.ways import RunWay
from rag.errors import UsageError
from rag.render import printable
from rag.settings import Settings, load_settings
from rag.terminal import print_json, say

if TYPE_CHECKING:
    from rag.index.library import Library

PASS, GATE_FAILED, INVALID, INCOMPLETE = 0, 1, 2, 3


def lint(arguments: argparse.Namespace) -> int:
    """Every problem of a suite, one a line; warnings do not fail it."""
    checked = check_suite(arguments.suite, load_settings(), library=arguments.library)
    if arguments.json:
        print_json(
            {
                "suite": str(checked.folder),
                "questions": checked.questions,
                "problems": [problem.as_json() for problem in checked.errors],
                "warnings": [problem.as_json() for problem in checked.warnings],
            }
        )
    for problem in checked.problems:
        say(f"{'' if problem.severity == 'error' else 'warning: '}{problem}")
    if not arguments.json:
        count = len(checked.errors)
        verdict = "nothing wrong" if checked.good else f"{count} problem{'s' if count != 1 else ''}"
        _print(f"{checked.folder}: {checked.questions} questions, {verdict}\n")
    return PASS if checked.good else INVALID


def answers(arguments: argparse.Namespace) -> int:
    """Run, resume or re-score; a broken gate is 1, an unfinished run or a failed question 3."""
    from evals.gate import broken_gates
    from evals.progress import Meter
    from evals.report import table
    from evals.run import RunOptions, run_suite
    from evals.system import PipelineSystem

    options = RunOptions(
        trials=arguments.trials,
        jobs=arguments.jobs,
        time_limit=arguments.time_limit,
        sample=arguments.sample,
        seed=arguments.seed,
        cache=arguments.cache,
        retry_failed=arguments.retry_failed,
        max_tokens=arguments.max_tokens,
        max_cost=arguments.max_cost,
    )
    settings = load_settings().with_answer(answerer=arguments.answerer)
    suite = read_suite(arguments.suite)
    with library_and_corpus(suite, arguments.library, arguments.out, settings) as (library, corpus):
        suite = attach_gold(suite, corpus)
        for problem in [*suite.warnings, *leaks(suite)]:
            say(f"warning: {problem}")
        system = PipelineSystem(library, settings, settings.answer.answerer)
        meter = Meter(suite.name)
        finished = run_suite(suite, corpus, system, settings, arguments.out, options, meter)
        meter.close()
    broken = broken_gates(suite.gates, finished.summary)
    if arguments.json:
        print_json({**finished.summary, "run": str(finished.folder), "gates_failed": broken})
    else:
        _print(f"{table(finished.summary)}\nrun: {finished.folder}\n")
    for sentence in broken:
        say(f"gate failed: {sentence}")
    if finished.stopped is not None:
        say(f"the run is incomplete ({finished.stopped}), {finished.folder}, {finished.next_step}")
        return INCOMPLETE
    if finished.failed:
        say(
            f"{finished.failed} questions crashed or passed the time limit and count as wrong, {finished.folder}, "
            "see `error` in results.jsonl; --retry-failed asks them again"
        )
        return INCOMPLETE
    return GATE_FAILED if broken else PASS


@contextmanager
def library_and_corpus(
    suite: Suite, named: Path | None, out: Path | None, settings: Settings
) -> Iterator[tuple[Library, Corpus]]:
    """The library to ask and the corpus that gold is looked up in: the named one, else one made of the suite's.

    The made one is kept beside the run's folder `out`.
    """
    from evals.index import suite_library
    from rag.index.library import Library

    if named is not None:
        with Library.open(named, settings) as library:
            yield library, of_library(library)
        return
    if suite.corpus_folder is None:
        attach_gold(suite, None)
        raise UsageError(
            "there are no documents to ask",
            where=str(suite.folder),
            next_step="add corpus/ to the suite, or name a --library",
        )
    home = (out.parent if out is not None else Path("runs")) / ".libraries"
    library, digest = suite_library(suite.corpus_folder, settings, home, lambda text: say(f"warning: {text}"))
    with library:
        yield library, of_library(library, digest)


def lies(arguments: argparse.Namespace) -> int:
    """What is withheld of a scripted model that lies; 3 where the run is incomplete."""
    from evals import lies as bench
    from evals.progress import Meter
    from evals.store import as_document, write_whole

    suite = read_suite(arguments.suite)
    meter = Meter(suite.name)
    finished, statements = bench.run_lies(suite, load_settings(), arguments.out, meter)
    meter.close()
    found = {"suite": suite.name, "questions": len(suite.items), **bench.figures(statements)}
    if finished.complete:
        write_whole(finished.folder / "lies.json", as_document(found))
    else:
        reason = finished.stopped or f"{finished.failed} questions failed, see results.jsonl"
        say(f"the run is incomplete ({reason}), {finished.folder}, {finished.next_step or 'see the cause'}")
    _show(
        arguments,
        {**found, "run": str(finished.folder)},
        lambda result: f"{bench.table(result)}\nrun: {result['run']}\n",
    )
    return PASS if finished.complete else INCOMPLETE


def retrieval(arguments: argparse.Namespace) -> int:
    from evals import beir
    from evals.progress import Meter

    folder = beir.read_beir(arguments.folder)
    meter = Meter("queries")
    result, rankings = beir.measure(folder, load_settings(), library_folder=arguments.library, report=meter)
    meter.close()
    if arguments.trec is not None:
        beir.write_trec(folder, rankings, arguments.trec)
    _show(arguments, result, beir.table)
    return PASS


def reading(arguments: argparse.Namespace) -> int:
    from evals import reading as bench
    from evals.progress import Meter
    from evals.squad import read_squad

    squad = read_squad(arguments.file, arguments.limit)
    meter = Meter("questions")
    result = bench.measure(squad, bench.built_in_reader(load_settings()), report=meter)
    meter.close()
    _show(arguments, result, bench.table)
    return PASS


def compare(arguments: argparse.Namespace) -> int:
    from evals import compare as bench

    result = bench.compare(bench.load_run(arguments.run_a), bench.load_run(arguments.run_b))
    _show(arguments, result, bench.table)
    if arguments.changed and not arguments.json:
        _print(bench.changed_table(result))
    return PASS


def report(arguments: argparse.Namespace) -> int:
    from evals import report as bench
    from evals.report_html import page

    description, summary, records = _finished_run(arguments.folder)
    if arguments.html is not None:
        _write(arguments.html, page(description, summary, records).encode())
    if arguments.junit is not None:
        _write(arguments.junit, bench.junit(summary["suite"], records))
    _show(arguments, summary, bench.table)
    return PASS


def gate(arguments: argparse.Namespace) -> int:
    """Hold a run against its floors, or pin them; a run with failed questions is held against them too."""
    from evals import gate as bench

    description, summary, _ = _finished_run(arguments.folder)
    identity = description["identity"]
    if arguments.update:
        changes = bench.update_floors(
            arguments.floors, identity, summary, arguments.metric, allow_lower=arguments.allow_lower
        )
        if arguments.json:
            print_json({"changes": changes})
        else:
            _print(("\n".join(changes) or "nothing changed") + "\n")
        return PASS
    floors = bench.read_floors(arguments.floors)
    broken = bench.broken_floors(floors, identity, summary)
    kept = len(floors[identity["suite"]["name"]]["floors"]) - len(broken)
    if arguments.json:
        print_json({"broken": broken, "kept": kept})
    else:
        _print("\n".join([*broken, f"{kept} of {kept + len(broken)} floors kept"]) + "\n")
    return GATE_FAILED if broken else PASS


def import_suite(arguments: argparse.Namespace) -> int:
    from evals import importers

    result = importers.import_suite(
        arguments.format, arguments.file, arguments.to, corpus=arguments.corpus, limit=arguments.limit
    )
    for note in result["notes"]:
        say(f"warning: {note}")
    _show(
        arguments,
        result,
        lambda found: (
            f"{found['questions']} questions and {found['documents']} documents in {found['suite']}\n"
        ),
    )
    return PASS


def export_run(arguments: argparse.Namespace) -> int:
    from evals import exporters

    description, summary, records = _finished_run(arguments.folder)
    written = exporters.export(
        arguments.format, description, summary, records, arguments.to or arguments.folder
    )
    _show(
        arguments,
        {"written": [str(path) for path in written]},
        lambda found: "\n".join(found["written"]) + "\n",
    )
    return PASS


def _finished_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """run.json, summary.json and the records. Raises UsageError where the run is not finished."""
    from evals.store import RunFolder

    run = RunFolder(folder)
    description, summary = run.description(), run.summary()
    if description is None:
        raise UsageError(
            "there is no run here (no run.json)", where=str(folder), next_step="name a run folder"
        )
    if summary is None:
        raise UsageError(
            "the run is unfinished",
            where=str(folder),
            next_step=RunWay.FINISH,
        )
    return description, summary, run.records()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"the file cannot be written ({error.strerror})", where=str(path), next_step="name another place"
        ) from error


def _show(arguments: argparse.Namespace, result: Any, table: Any) -> None:
    if arguments.json:
        print_json(result)
    else:
        _print(table(result))


def _print(text: str) -> None:
    sys.stdout.write(printable(text))
