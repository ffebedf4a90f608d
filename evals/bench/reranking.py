"""How good is each stage of retrieval, and how much should what the network reads weigh against the fused score?

    python -m evals.bench.reranking --data DIR [--sets nq news news-untitled dossier xquad] [--queries 300] [--json]

`DIR` holds `nq_beir/` (Natural Questions in the BEIR layout), `multihop_rag/queries_with_evidence.jsonl` (news: its
evidence sentences are the passages) and `xquad/xquad.en.json` (its paragraphs); the dossier is the suite `transfers`
of this repository. A set whose file is missing is left out. At most `--queries` of each set, drawn by a fixed seed,
every second one for choosing (`dev`), the others for the figures (`test`). The dossier has its own split; of XQuAD,
which is a test of the reader, nothing is used to choose.

nDCG@10 and recall@10 of passages by trec_eval's own code, for dense, lexical, both fusions, and reranked. For reranked
the difference from fused with its 95 % interval and p (`evals.statistics`). Then the mean nDCG@10 over the dev halves
for every value of the constants of `rag.search.rerank` that is tried, best first: the shipped ones are to be near the
top, and are chosen again whenever the network in `rag/models/reader` changes.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import logging
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.retrieval_metrics import document_scores
from evals.statistics import clusters_of, mean_interval, sign_flip
from rag.answer.network import ReaderNetwork
from rag.errors import UsageError
from rag.index.lexical import Entry, build
from rag.index.split import embedding_text, split
from rag.search.fuse import document_of
from rag.search.rerank import MIX, Mix, Reads, evidence_for, reranked, within_reach
from rag.search.retrieve import Retriever
from rag.settings import IndexSettings, SearchSettings, load_settings
from rag.types import Document, Filters, Passage, Question

log = logging.getLogger(__name__)

SUITE = Path(__file__).parents[1] / "suites" / "transfers"
DEPTH = 50


class _Remembering:
    """Encodes each question once, however many stages ask for it."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.english_only: bool = embedder.english_only
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def encode_query(self, text: str) -> NDArray[np.float32]:
        if text not in self._vectors:
            self._vectors[text] = self._embedder.encode_query(text)
        return self._vectors[text]


class Shelf:
    """Passages in memory, searched as the library searches them; implements `rag.search.retrieve.Searchable`."""

    def __init__(self, embedder: Any, documents: Mapping[str, Document], passages: Sequence[Passage]) -> None:
        self.embedder = _Remembering(embedder)
        self._documents = documents
        self._ids = [passage.id for passage in passages]
        self._passages = dict(zip(self._ids, passages, strict=True))
        titles = [documents[passage.document_id].title for passage in passages]
        texts = [embedding_text(title, passage) for title, passage in zip(titles, passages, strict=True)]
        self._vectors: NDArray[np.float32] = embedder.encode(texts)
        heads = [
            " ".join(part for part in (title, passage.heading) if part)
            for title, passage in zip(titles, passages, strict=True)
        ]
        self._languages = {document.language for document in documents.values()}
        self._words = build(
            None,
            (
                Entry(number, number, passage.text, head, documents[passage.document_id].language)
                for number, (passage, head) in enumerate(zip(passages, heads, strict=True))
            ),
        )

    def __len__(self) -> int:
        return len(self._ids)

    def matching(self, filters: Filters) -> frozenset[str] | None:
        return frozenset(filters.documents) if filters.documents else None

    def document(self, document_id: str) -> Document:
        return self._documents[document_id]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        return [self._passages[name] for name in ids]

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        scores = np.round((self._vectors @ vector).astype(np.float64), 6)
        return self._best(((self._ids[i], float(score)) for i, score in enumerate(scores)), k)

    def lexical(self, text: str, k: int, documents: frozenset[str] | None = None) -> list[tuple[str, float]]:
        found = self._words.search(text, k, self._languages)
        return self._best(((self._ids[number], score) for number, score in found), k)

    @staticmethod
    def _best(found: Iterable[tuple[str, float]], k: int) -> list[tuple[str, float]]:
        return sorted(found, key=lambda each: (-each[1], each[0]))[:k]


@dataclass(frozen=True)
class Task:
    """Questions to one shelf. `dev` are the queries that may choose.

    `qrels`: query → id of a document (a rank is that of its best passage), or of a passage where `by_passage`.
    """

    name: str
    shelf: Shelf
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    dev: frozenset[str]
    by_passage: bool = False

    @property
    def test(self) -> frozenset[str]:
        return frozenset(self.queries) - self.dev

    def named(self, ranking: Iterable[str]) -> list[str]:
        """Passages as the qrels name them: themselves, or their documents by the best passage."""
        if self.by_passage:
            return list(ranking)
        return list(dict.fromkeys(document_of(passage_id) for passage_id in ranking))


def _document(document_id: str, text: str, title: str | None) -> Document:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(document_id, text, digest, "text/plain", document_id, title=title, language="en")


def _task(
    name: str, embedder: Any, documents: Sequence[Document], queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]], limit: int, *, choose: bool = True,
) -> Task:  # fmt: skip
    """At most `limit` of the queries, every second one for choosing; relevance is that of whole documents."""
    drawn = sorted(random.Random(7).sample(sorted(queries), min(limit, len(queries))))
    passages = [passage for document in documents for passage in split(document, embedder, IndexSettings())]
    return Task(
        name,
        Shelf(embedder, {document.id: document for document in documents}, passages),
        {query: queries[query] for query in drawn},
        {query: qrels[query] for query in drawn},
        frozenset(drawn[::2]) if choose else frozenset(),
    )


def natural_questions(data: Path, embedder: Any, limit: int) -> Task:
    from evals.beir import read_beir
    from rag.documents.building import canonical

    beir = read_beir(data / "nq_beir")
    documents = [_document(one.id, canonical(one.text), one.title or None) for one in beir.documents]
    return _task("nq", embedder, documents, beir.queries, beir.qrels, limit)


def news(data: Path, embedder: Any, limit: int, titled: bool) -> Task:
    """The evidence sentences of MultiHop-RAG, each a document under the title of its article."""
    from rag.documents.building import canonical

    path = data / "multihop_rag" / "queries_with_evidence.jsonl"
    facts: dict[str, Document] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        for piece in entry["evidence_list"]:
            if piece["fact"] not in facts:
                title = canonical(piece["title"]) if titled else None
                facts[piece["fact"]] = _document(
                    f"fact-{len(facts):04d}", canonical(piece["fact"])[:700], title
                )
            qrels.setdefault(str(entry["id"]), {})[facts[piece["fact"]].id] = 1
            queries[str(entry["id"])] = entry["query"]
    name = "news" if titled else "news-untitled"
    return _task(name, embedder, list(facts.values()), queries, qrels, limit)


def xquad(data: Path, embedder: Any, limit: int) -> Task:
    """The English paragraphs of XQuAD; nothing of it chooses."""
    from evals.squad import read_squad
    from rag.documents.building import canonical

    contexts: dict[str, Document] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for asked in read_squad(data / "xquad" / "xquad.en.json").questions:
        if asked.context not in contexts:
            contexts[asked.context] = _document(f"par-{len(contexts):04d}", canonical(asked.context), None)
        queries[asked.id] = asked.question
        qrels[asked.id] = {contexts[asked.context].id: 1}
    return _task("xquad", embedder, list(contexts.values()), queries, qrels, limit, choose=False)


def dossier(embedder: Any, suite_folder: Path = SUITE) -> Task:
    """The suite's answerable questions, in passages as the library cuts them; relevant is one with a gold quote."""
    from evals.corpus import of_library
    from evals.index import suite_library
    from evals.retrieval_metrics import COVERED
    from evals.suite import attach_gold, read_suite
    from rag.settings import Settings

    suite = read_suite(suite_folder)
    if suite.corpus_folder is None:
        raise UsageError(
            "the suite has no corpus of its own", where=str(suite_folder), next_step="name another"
        )
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as home:
        library, digest = suite_library(suite.corpus_folder, Settings(), Path(home), lambda _: None)
        with library:
            suite = attach_gold(suite, of_library(library, digest))
            documents = {
                record.document_id: library.document(record.document_id) for record in library.documents()
            }
            passages = [passage for name in documents for passage in library.passages_of(name)]
    qrels: dict[str, dict[str, int]] = {}
    for item in suite.items:
        for gold in suite.gold[item.id] if item.answerable and not any(item.filters_json().values()) else ():
            for passage, place in itertools.product(passages, gold.places):
                shared = min(passage.span.end, place.end) - max(passage.span.start, place.start)
                if passage.document_id == gold.document_id and shared >= COVERED * len(place):
                    qrels.setdefault(item.id, {})[passage.id] = 1
    items = [item for item in suite.items if item.id in qrels]
    return Task(
        "dossier",
        Shelf(embedder, documents, passages),
        {item.id: item.question for item in items},
        qrels,
        frozenset(item.id for item in items if item.split == "dev"),
        by_passage=True,
    )


@dataclass(frozen=True)
class Looked:
    """All that the reranking of one query rests on, so that other constants need no other reading."""

    fused: tuple[tuple[str, float], ...]
    evidence: Mapping[str, float | None]
    parts: Mapping[str, float] | None


@dataclass(frozen=True)
class Measured:
    """One set: rankings of what its qrels name, by stage and query, and what reranking looked at."""

    task: Task
    rankings: Mapping[str, Mapping[str, Sequence[str]]]
    looked: Mapping[str, Looked]
    milliseconds: float  # a query, all stages

    def with_mix(self, mix: Mix, queries: Iterable[str]) -> list[float]:
        """nDCG@10 of each query, reranked with other constants."""
        found = []
        for query in queries:
            seen = self.looked[query]
            order = reranked(seen.fused, seen.evidence, seen.parts, mix)
            found.append(ndcg(self.task.named(passage_id for passage_id, _ in order), self.task.qrels[query]))
        return found


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], depth: int = 10) -> float:
    """nDCG of one query where relevance is 0 or 1, as trec_eval counts it (a test compares the two)."""
    gain = sum(1 / math.log2(rank + 1) for rank, name in enumerate(ranking[:depth], 1) if name in relevant)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(depth, len(relevant)) + 1))


def look(task: Task, settings: SearchSettings, network: Reads) -> Measured:
    """Put every query of `task` to the retriever."""
    retriever = Retriever(task.shelf, settings, network)
    by_ranks = Retriever(task.shelf, replace(settings, fusion="ranks", rerank=0), network)
    rankings: dict[str, dict[str, list[str]]] = {}
    looked: dict[str, Looked] = {}
    measured = Measured(task, rankings, looked, 0.0)
    seconds = 0.0
    for query, text in task.queries.items():
        question = Question(text)
        began = time.perf_counter()
        stages = retriever.stages(question, DEPTH)
        seconds += time.perf_counter() - began
        stages["fused by ranks"] = by_ranks.stages(question, DEPTH)["fused"]
        for stage, hits in stages.items():
            rankings.setdefault(stage, {})[query] = task.named(hit.passage.id for hit in hits)
        fused = [(hit.passage.id, hit.score) for hit in stages["fused"]]
        retrieved = [
            (passage, task.shelf.document(passage.document_id))
            for passage in task.shelf.passages(within_reach(fused, settings.rerank))
        ]
        evidence: Mapping[str, float | None] = {}
        if stages["reranked"] and stages["reranked"][0].by == "reranked":
            evidence = evidence_for(network, text, retrieved)  # from memory: the retriever has just read them
        looked[query] = Looked(
            tuple(fused),
            evidence,
            retriever.parts(question) if evidence else None,
        )
    return replace(measured, milliseconds=1000 * seconds / len(task.queries))


def figures(measured: Measured, queries: frozenset[str]) -> dict[str, Any]:
    """Each stage over these queries, and what reranking adds to the fused stage."""
    chosen = sorted(queries)
    qrels = {query: measured.task.qrels[query] for query in chosen}
    found: dict[str, Any] = {
        stage: document_scores(qrels, {query: ranking[query] for query in chosen})
        for stage, ranking in measured.rankings.items()
    }
    each = [
        [ndcg(measured.rankings[stage][query], qrels[query]) for query in chosen]
        for stage in ("fused", "reranked")
    ]
    return {"queries": len(chosen), "stages": found, "gain": difference(*each)}


def difference(before: Sequence[float], after: Sequence[float]) -> dict[str, Any]:
    """The mean gain of the same questions with its 95 % interval (None where there are too few) and p."""
    gains = [new - old for old, new in zip(before, after, strict=True)]
    alone = clusters_of([None] * len(gains))
    interval = mean_interval(gains, alone)
    return {
        "ndcg@10": statistics.fmean(gains),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "p": sign_flip(gains, alone),
    }


def shown(gain: Mapping[str, Any]) -> str:
    """A `difference` in one line: "+0.0255 [+0.0120, +0.0400], p 0.0006"."""
    interval = "" if gain["low"] is None else f" [{gain['low']:+.4f}, {gain['high']:+.4f}]"
    return f"{gain['ndcg@10']:+.4f}{interval}, p {gain['p']:.4f}"


def grid(base: Mix = MIX) -> Iterator[Mix]:
    """The constants that are tried: for reading, then for the parts of a question, the others as in `base`."""
    tried = [
        replace(base, simple=simple, centre=centre, width=width)
        for simple, centre, width in itertools.product(
            (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0), (0.0, 1.0, 2.0, 3.0), (1.0, 2.0, 3.0)
        )
    ]
    tried += [
        replace(base, whole=whole, long=long)
        for whole, long in itertools.product((0.3, 0.5, 0.7, 1.0), (0.4, 0.6, 0.7, 0.8, 0.9, 1.0))
    ]
    yield from dict.fromkeys((base, *tried))


def weigh(sets: Sequence[Measured]) -> list[dict[str, Any]]:
    """Every mix that is tried with its nDCG@10 on the dev half of each set that has one, best mean first."""
    choosing = [each for each in sets if each.task.dev]
    rows = []
    for mix in grid() if choosing else ():
        by_set = {
            each.task.name: statistics.fmean(each.with_mix(mix, sorted(each.task.dev))) for each in choosing
        }
        rows.append(
            {
                "mix": asdict(mix),
                "sets": by_set,
                "mean": statistics.fmean(by_set.values()),
                "shipped": mix == MIX,
            }
        )
    return sorted(rows, key=lambda row: -row["mean"])


def measure(tasks: Iterable[Task], settings: SearchSettings, network: Reads) -> dict[str, Any]:
    sets = []
    for task in tasks:
        log.info("%s: %d passages, %d queries", task.name, len(task.shelf), len(task.queries))
        sets.append(look(task, settings, network))
    return {
        "sets": {
            each.task.name: {
                "passages": len(each.task.shelf),
                "milliseconds": round(each.milliseconds, 1),
                **{
                    half: figures(each, queries)
                    for half, queries in (("dev", each.task.dev), ("test", each.task.test))
                    if queries
                },
            }
            for each in sets
        },
        "weights": weigh(sets),
    }


def table(result: Mapping[str, Any], rows: int = 15) -> str:
    lines = []
    for name, found in result["sets"].items():
        lines.append(f"{name}: {found['passages']} passages, {found['milliseconds']:.0f} ms a query")
        for half in ("dev", "test"):
            if half not in found:
                continue
            part = found[half]
            lines.append(f"  {half}, {part['queries']} queries       nDCG@10  recall@10")
            for stage, values in part["stages"].items():
                lines.append(f"    {stage:<20}{values['ndcg@10']:10.4f}{values['recall@10']:11.4f}")
            lines.append(f"    reranked - fused {shown(part['gain'])}")
    if result["weights"]:
        lines.append("weights: mean nDCG@10 over the dev halves")
    ordered = result["weights"]
    shipped = [row for row in ordered[rows:] if row["shipped"]]
    for row in [*ordered[:rows], *shipped]:
        constants = ", ".join(f"{key} {value:g}" for key, value in row["mix"].items())
        by_set = ", ".join(f"{name} {value:.4f}" for name, value in row["sets"].items())
        mark = "  <- shipped" if row["shipped"] else ""
        lines.append(f"  {row['mean']:.4f}  {constants}  ({by_set}){mark}")
    return "\n".join(lines) + "\n"


SETS = ("nq", "news", "news-untitled", "dossier", "xquad")


def tasks_of(names: Sequence[str], data: Path, limit: int, embedder: Any) -> Iterator[Task]:
    """The sets of these names, each made when its turn comes; one whose file is missing is named and left out."""
    makers: dict[str, Callable[[], Task]] = {
        "nq": lambda: natural_questions(data, embedder, limit),
        "news": lambda: news(data, embedder, limit, titled=True),
        "news-untitled": lambda: news(data, embedder, limit, titled=False),
        "dossier": lambda: dossier(embedder),
        "xquad": lambda: xquad(data, embedder, limit),
    }
    for name in names:
        try:
            yield makers[name]()
        except (FileNotFoundError, UsageError) as error:
            log.warning("%s is left out: %s", name, error)


def main(arguments: Sequence[str] | None = None) -> int:
    from rag.index.embed import make_embedder

    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.reranking",
        description="Measure the stages of retrieval and their weights.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--queries", type=int, default=300, help="at most so many of each set (default 300)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load_settings()
    tasks = tasks_of(options.sets, options.data, options.queries, make_embedder(settings.index))
    result = measure(tasks, settings.search, ReaderNetwork())
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
