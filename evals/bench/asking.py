"""How long does an answer take, from a cold start and with the library open?

    python -m evals.bench.asking [--suite evals/suites/transfers] [--cold 5] [--json]

Cold: `onrecord ask` as a new process each time, from start to exit, imports and models included. Warm: every
question of the suite, once, in one process, after one question that is not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from evals.suite import read_suite
from rag.index.library import Library
from rag.pipeline import Pipeline
from rag.settings import Settings
from rag.types import Question


def measure(suite_folder: Path, cold: int) -> dict[str, dict[str, float]]:
    """Milliseconds: medians, the 95th percentile of the warm ones, and how many of each were timed."""
    suite = read_suite(suite_folder)
    if suite.corpus_folder is None:
        raise SystemExit(f"{suite_folder}: the suite has no corpus of its own")
    settings = Settings()
    questions = [item.question for item in suite.items]
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
        library = Path(folder) / "library"
        with Library.open(library, settings, write=True, create=True) as writer:
            writer.add([suite.corpus_folder])
        cold_ms = [_cold(library, question) for question in questions[:cold]]
        with Library.open(library, settings) as reader:
            pipeline = Pipeline(reader, settings)
            pipeline.ask(Question("Is everything loaded?"))
            warm_ms = []
            for question in questions:
                began = time.perf_counter()
                pipeline.ask(Question(question))
                warm_ms.append((time.perf_counter() - began) * 1000)
    return {
        "cold_ms": {"p50": statistics.median(cold_ms), "n": len(cold_ms)},
        "warm_ms": {
            "p50": statistics.median(warm_ms),
            "p95": statistics.quantiles(warm_ms, n=20, method="inclusive")[-1],
            "n": len(warm_ms),
        },
    }


def _cold(library: Path, question: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rag", "ask", question, "--library", str(library), "--json"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return (time.perf_counter() - began) * 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.asking", description="Time onrecord ask.")
    parser.add_argument("--suite", type=Path, default=Path("evals/suites/transfers"))
    parser.add_argument("--cold", type=int, default=5, help="questions asked from a cold start (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    found = measure(options.suite, options.cold)
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        for name, values in found.items():
            figures = ", ".join(f"{key} {value:.0f}" for key, value in values.items())
            sys.stdout.write(f"{name}: {figures}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
