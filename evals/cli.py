"""`onrecord eval …`: arguments in, tables or JSON out.

Exit codes: 0 pass; 1 a gate failed; 2 the suite, a file or the call is invalid; 3 the run is incomplete (it stopped,
or questions crashed or passed their time limit). Progress and warnings go to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals import commands
from rag.cli import path_argument
from rag.terminal import Parser

_LIES = Path(__file__).parent / "suites" / "lies"
_SUITE = "a folder with questions.jsonl"
_RUN = "the folder of a finished run"


def main(arguments: Sequence[str]) -> int:
    """Run `onrecord eval` with what stands after `eval`; returns the exit code. Errors are raised for the caller."""
    parser = Parser(
        prog="onrecord eval", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_parser(parser)
    parsed = parser.parse_args(list(arguments))
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    return code


_ABOUT = """Measure answers, retrieval and reading, and compare what was measured.

example:
  onrecord eval answers evals/suites/smoke
  onrecord eval report runs/smoke-offline-1a2b3c4d --html report.html"""


def add_parser(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `eval` to a parser; each sets `run`."""
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    subparsers: Any = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )

    def add(name: str, says: str, example: str, run: Any, *, json: bool = True) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = subparsers.add_parser(
            name,
            help=says,
            description=says,
            epilog=f"example:\n  onrecord eval {name} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        command.add_argument("--debug", action="store_true", help="show tracebacks")
        if json:
            command.add_argument("--json", action="store_true", help="one JSON document on standard output")
        return command

    lint = add(
        "lint", "check a suite: every problem with file, line, field and reason", "SUITE", commands.lint
    )
    lint.add_argument("suite", type=path_argument, help=_SUITE)
    lint.add_argument("--library", type=path_argument, help="the documents, where the suite has no corpus/")

    answers = add("answers", "run a suite, or go on with it", "evals/suites/smoke", commands.answers)
    _answers(answers)

    lies = add(
        "lies",
        "how many lies of a scripted language model are withheld, and how many honest statements",
        "--json",
        commands.lies,
    )
    lies.add_argument(
        "suite",
        type=path_argument,
        nargs="?",
        default=_LIES,
        help="default: the one that comes with the program",
    )
    lies.add_argument("--out", type=path_argument, metavar="RUN", help="default: runs/SUITE-scripted-DIGEST")

    retrieval = add("retrieval", "measure retrieval on a BEIR folder", "nfcorpus/", commands.retrieval)
    retrieval.add_argument("folder", type=path_argument, help="corpus.jsonl, queries.jsonl, qrels/test.tsv")
    retrieval.add_argument(
        "--library", type=path_argument, help="keep the library here (default: a temporary folder)"
    )
    retrieval.add_argument(
        "--trec", type=path_argument, metavar="DIR", help="write the rankings as files for trec_eval"
    )

    reading = add(
        "reading",
        "measure the built-in reader on a SQuAD file",
        "dev-v2.0.json --limit 500",
        commands.reading,
    )
    reading.add_argument("file", type=path_argument, help="SQuAD 1.1 or 2.0 layout")
    reading.add_argument("--limit", type=_positive, help="only the first N questions")

    compare = add("compare", "is run B better than run A?", "runs/a runs/b", commands.compare)
    compare.add_argument("run_a", type=path_argument, help=_RUN)
    compare.add_argument("run_b", type=path_argument, help=_RUN)
    compare.add_argument(
        "--changed", action="store_true", help="list the questions that changed, with both answers"
    )

    report = add(
        "report", "a run as a table, an HTML file or JUnit XML", "RUN --html report.html", commands.report
    )
    report.add_argument("folder", type=path_argument, metavar="RUN", help=_RUN)
    report.add_argument("--html", type=path_argument, help="write one self-contained HTML file")
    report.add_argument("--junit", type=path_argument, help="write JUnit XML")

    gate = add("gate", "hold a run against pinned floors", "RUN --floors floors.json", commands.gate)
    gate.add_argument("folder", type=path_argument, metavar="RUN", help=_RUN)
    gate.add_argument(
        "--floors", type=path_argument, default=Path("floors.json"), help="default: floors.json"
    )
    gate.add_argument("--update", action="store_true", help="raise the floors to what the run reached")
    gate.add_argument(
        "--metric", action="append", default=[], help="METRIC or METRIC/CATEGORY to pin; repeatable"
    )
    gate.add_argument("--allow-lower", action="store_true", help="let --update lower a floor")

    importer = add(
        "import", "make a suite out of another format", "squad dev.json --to my-suite", commands.import_suite
    )
    importer.add_argument("format", choices=("squad", "beir", "multihop-rag", "csv", "ragas"))
    importer.add_argument("file", type=path_argument)
    importer.add_argument("--to", type=path_argument, required=True, help="the new suite's folder")
    importer.add_argument("--corpus", type=path_argument, help="multihop-rag: the file with the articles")
    importer.add_argument("--limit", type=_positive, help="only the first N questions")

    export = add("export", "a run in another format", "trec RUN --to out/", commands.export_run)
    export.add_argument("format", choices=("trec", "inspect", "promptfoo"))
    export.add_argument("folder", type=path_argument, metavar="RUN", help=_RUN)
    export.add_argument("--to", type=path_argument, help="file or folder to write (default: inside the run)")


def _answers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", type=path_argument, help=_SUITE)
    parser.add_argument(
        "--library", type=path_argument, help="ask this library (default: one made of the suite's corpus)"
    )
    parser.add_argument("--answerer", metavar="SPEC", help="default: the one in the settings (offline)")
    parser.add_argument(
        "--out", type=path_argument, metavar="RUN", help="default: runs/SUITE-ANSWERER-DIGEST"
    )
    parser.add_argument("--trials", type=_positive, default=1, help="ask every question so many times")
    parser.add_argument("--jobs", type=_positive, default=1, help="so many questions at once")
    parser.add_argument(
        "--time-limit", type=float, default=300.0, metavar="S", help="seconds for a question (300)"
    )
    parser.add_argument("--sample", type=_positive, metavar="N", help="only N questions, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--cache",
        type=path_argument,
        metavar="DIR",
        help="keep answers here and use those kept (default: off)",
    )
    parser.add_argument(
        "--max-tokens",
        type=_positive,
        metavar="N",
        help="stop asking a language model once the whole run has used so many tokens, prompts and replies together",
    )
    parser.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="stop once it has cost so much (needs llm.price_prompt and llm.price_completion)",
    )
    parser.add_argument("--retry-failed", action="store_true", help="ask again what crashed or took too long")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
