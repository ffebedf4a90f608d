"""Does another embedder find passages better than the packaged one?

    python -m evals.bench.embedders --data DIR --model NAME_OR_FOLDER [--sets nq news dossier] [--queries 300] [--json]

`DIR` and the sets are those of `evals.bench.reranking`. Each set is searched with both embedders, by meaning alone and
with words and meaning fused, and without the network that reads. Printed are both nDCG@10 over the half of each set
that chooses nothing, and the difference with its 95 % interval and p (`evals.statistics`, paired by question).
`rag.training.embedder` makes such a FOLDER; a better one would be used by `index.embedder`.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.bench.reranking import DEPTH, SETS, Task, difference, ndcg, shown, tasks_of
from rag.search.retrieve import Retriever
from rag.settings import Settings, load_settings
from rag.types import Question

log = logging.getLogger(__name__)

STAGES = ("dense", "fused")


def scores(task: Task, settings: Settings) -> dict[str, list[float]]:
    """nDCG@10 by stage of each question of the test half, in the order of their names."""
    retriever = Retriever(task.shelf, replace(settings.search, rerank=0))
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for query in sorted(task.test):
        stages = retriever.stages(Question(task.queries[query]), DEPTH)
        for stage in STAGES:
            names = task.named(hit.passage.id for hit in stages[stage])
            found[stage].append(ndcg(names, task.qrels[query]))
    return found


def measure(
    names: Sequence[str], data: Path, limit: int, model: str, settings: Settings
) -> dict[str, dict[str, Any]]:
    """By set and stage: nDCG@10 with the packaged embedder and with `model`, and the difference."""
    from rag.index.embed import make_embedder

    both: list[dict[str, dict[str, list[float]]]] = []
    for embedder in ("packaged", model):
        made = make_embedder(replace(settings.index, embedder=embedder))
        both.append({})
        for task in tasks_of(names, data, limit, made):
            log.info("%s: %d passages with %s", task.name, len(task.shelf), embedder)
            both[-1][task.name] = scores(task, settings)
    packaged, other = both
    return {
        name: {
            stage: {
                "queries": len(before),
                "packaged": statistics.fmean(before),
                "model": statistics.fmean(other[name][stage]),
                "gain": difference(before, other[name][stage]),
            }
            for stage, before in packaged[name].items()
        }
        for name in packaged
    }


def table(result: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["set            stage  queries  packaged   model  difference"]
    for name, stages in result.items():
        for stage, found in stages.items():
            lines.append(
                f"{name:<14} {stage:<6}{found['queries']:8d}{found['packaged']:10.4f}{found['model']:8.4f}"
                f"  {shown(found['gain'])}"
            )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.embedders", description="Compare an embedder with the packaged one."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--model", required=True, help="name or folder of a sentence-transformers model")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=("nq", "news", "dossier"))
    parser.add_argument("--queries", type=int, default=300, help="at most so many of each set (default 300)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    result = measure(options.sets, options.data, options.queries, options.model, load_settings())
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
