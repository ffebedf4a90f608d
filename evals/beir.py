"""`eval retrieval`: a folder in the BEIR layout, each stage of retrieval measured by trec_eval's own code.

`corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), `qrels/test.tsv` (query, document, score; a
header line is allowed). Every document becomes a text file (title, empty line, text) and goes through `add` as any
file does; a document's rank is that of its best passage. Documents with the same title and text share one rank, in
the order of the corpus.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.retrieval_metrics import document_scores
from rag.errors import UsageError
from rag.settings import Settings
from rag.types import Hit, Question

if TYPE_CHECKING:
    from rag.index.library import Library

DEPTH = 100  # documents a query in the rankings that are measured and exported
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BeirDocument:
    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text as one file; stripped, with a line's end, and empty where both are."""
        whole = "\n\n".join(part for part in (self.title.strip(), self.text.strip()) if part)
        return whole + "\n" if whole else ""


@dataclass(frozen=True, slots=True)
class Beir:
    """A folder as read: documents in file order, the queries that have judgements, and these."""

    documents: tuple[BeirDocument, ...]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]


def read_beir(folder: Path) -> Beir:
    """Raises UsageError (file, line, reason) where a file is missing or a line is not of the layout."""
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder", where=str(folder), next_step="name a folder in the BEIR layout"
        )
    documents: dict[str, BeirDocument] = {}
    for line, entry in _objects(folder / "corpus.jsonl"):
        identity = _field(entry, "_id", folder / "corpus.jsonl", line)
        if identity in documents:
            raise _wrong(folder / "corpus.jsonl", line, f"the _id {identity!r} is there twice")
        text = _field(entry, "text", folder / "corpus.jsonl", line)
        title = entry.get("title") or ""
        if not isinstance(title, str):
            raise _wrong(folder / "corpus.jsonl", line, "title is not text")
        documents[identity] = BeirDocument(identity, title, text)
    queries = {
        _field(entry, "_id", folder / "queries.jsonl", line): _field(
            entry, "text", folder / "queries.jsonl", line
        )
        for line, entry in _objects(folder / "queries.jsonl")
    }
    qrels = _read_qrels(folder / "qrels" / "test.tsv")
    for query in qrels:
        if query not in queries:
            raise UsageError(
                f"the judged query {query!r} is missing",
                where=str(folder / "queries.jsonl"),
                next_step="add it",
            )
    if not documents or not qrels:
        empty = "corpus.jsonl" if not documents else "qrels/test.tsv"
        raise UsageError("the file holds nothing", where=str(folder / empty), next_step="name another folder")
    return Beir(tuple(documents.values()), {query: queries[query] for query in qrels}, qrels)


def _wrong(path: Path, line: int, reason: str) -> UsageError:
    return UsageError(reason, where=f"{path}:{line}", next_step="correct the line")


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, text in _lines(path):
        try:
            entry = json.loads(text)
        except json.JSONDecodeError as error:
            raise _wrong(path, number, f"not JSON: {error.msg}") from error
        if not isinstance(entry, dict):
            raise _wrong(path, number, "a JSON object is needed")
        yield number, entry


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        # Lines end at \n alone: the text of a document may hold other separators (U+2028).
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            for number, text in enumerate(stream, start=1):
                if text.strip():
                    yield number, text
    except FileNotFoundError as error:
        raise UsageError(
            "the file is missing", where=str(path), next_step="name a folder in the BEIR layout"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", where=str(path), next_step="convert it") from error


def _field(entry: Mapping[str, Any], name: str, path: Path, line: int) -> str:
    value = entry.get(name)
    if isinstance(value, int) and name == "_id":
        return str(value)
    if not isinstance(value, str):
        raise _wrong(path, line, f"{name} is missing or not text")
    return value


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for number, text in _lines(path):
        parts = text.rstrip("\r\n").split("\t") if "\t" in text else text.split()
        if len(parts) == 4:
            del parts[1]  # the TREC layout: query, 0, document, score
        try:
            query, document, score = parts
            qrels.setdefault(query, {})[document] = int(float(score))
        except ValueError as error:
            if number == 1:
                continue  # the header
            raise _wrong(path, number, "three columns are needed: query, document, score") from error
    return qrels


# Building and searching -------------------------------------------------------------------------------------------------


def write_documents(documents: Sequence[BeirDocument], folder: Path) -> dict[str, list[str]]:
    """One text file a document below `folder`; gives for each file's name the ids of the documents it stands for.

    Documents that are alike share a file; one without any text gets none.
    """
    names: dict[str, list[str]] = {}
    by_text: dict[str, str] = {}
    for index, document in enumerate(documents):
        whole = document.whole
        if not whole:
            continue
        if whole in by_text:
            names[by_text[whole]].append(document.id)
            continue
        name = f"{index // 1000:05d}/{index:08d}.txt"
        by_text[whole] = name
        names[name] = [document.id]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(whole, encoding="utf-8", newline="")
    return names


def rank_documents(hits: Sequence[Hit], ids: Mapping[str, Sequence[str]], limit: int) -> list[str]:
    """The hits' documents by their best passage: the first hit of each counts. `ids` leads from ours to theirs."""
    seen = dict.fromkeys(hit.passage.document_id for hit in hits)
    return list(itertools.islice((each for ours in seen for each in ids.get(ours, ())), limit))


def measure(
    beir: Beir, settings: Settings, *, library_folder: Path | None = None, report: Report | None = None
) -> tuple[dict[str, Any], dict[str, dict[str, list[str]]]]:
    """The contract's object, and the rankings behind it: stage → query → document ids, best first.

    `library_folder` keeps the library (and finds it again: index_seconds is then that of finding it); by default it
    is built in a temporary folder.
    """
    from rag.index.library import Library
    from rag.progress import TerminalProgress
    from rag.search.retrieve import Retriever

    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onrecord-beir-")))
        home = library_folder or work
        files = home / "files"
        names = write_documents(beir.documents, files)
        started = time.perf_counter()
        with (
            Library.open(home / "library", settings, write=True, create=True) as writer,
            TerminalProgress() as progress,
        ):
            failed = writer.add([files], progress).failed
        index_seconds = time.perf_counter() - started
        library = stack.enter_context(Library.open(home / "library", settings))
        ids = _ids(library, names)
        rankings, times = _search(beir, Retriever(library, settings.search), ids, report)
    result = {
        "queries": len(beir.queries),
        "documents": len(beir.documents),
        "not_indexed": len(failed),
        "stages": {stage: document_scores(beir.qrels, found) for stage, found in rankings.items()},
        "index_seconds": round(index_seconds, 3),
        "query_ms": {
            "p50": round(float(np.percentile(times, 50)), 2),
            "p95": round(float(np.percentile(times, 95)), 2),
        },
    }
    return result, rankings


def _ids(library: Library, names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in library.documents():
        for path in (record.path, *record.copies):
            for each in names.get("/".join(Path(path).parts[-2:]), ()):
                ours = found.setdefault(record.document_id, [])
                if each not in ours:
                    ours.append(each)
    return found


def _search(
    beir: Beir, retriever: Any, ids: Mapping[str, Sequence[str]], report: Report | None
) -> tuple[dict[str, dict[str, list[str]]], list[float]]:
    rankings: dict[str, dict[str, list[str]]] = {}
    times = []
    wanted = min(DEPTH, len(beir.documents))
    for done, (query, text) in enumerate(beir.queries.items(), start=1):
        started = time.perf_counter()
        stages = retriever.stages(Question(text), DEPTH)
        times.append((time.perf_counter() - started) * 1000)
        depth = DEPTH
        # Long documents fill the list with their passages: look deeper until ten documents are there.
        while depth < 32 * DEPTH and any(
            len(hits) == depth and len(rank_documents(hits, ids, 10)) < min(10, wanted)
            for hits in stages.values()
        ):
            depth *= 4
            stages = retriever.stages(Question(text), depth)
        for stage, hits in stages.items():
            rankings.setdefault(stage, {})[query] = rank_documents(hits, ids, DEPTH)
        if report is not None:
            report(done, len(beir.queries))
    return rankings, times


def write_trec(beir: Beir, rankings: Mapping[str, Mapping[str, Sequence[str]]], folder: Path) -> None:
    """`qrels.txt` and `run.STAGE.txt`, as trec_eval reads them; the score is minus the rank, so nothing ties."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = [
        f"{query} 0 {document} {score}\n"
        for query, found in beir.qrels.items()
        for document, score in found.items()
    ]
    (folder / "qrels.txt").write_text("".join(judged), encoding="utf-8")
    for stage, found in rankings.items():
        lines = [
            f"{query} Q0 {document} {rank} {-rank} onrecord-{stage}\n"
            for query, ranking in found.items()
            for rank, document in enumerate(ranking, start=1)
        ]
        (folder / f"run.{stage}.txt").write_text("".join(lines), encoding="utf-8")


def table(result: Mapping[str, Any]) -> str:
    """For a terminal."""
    lines = [
        f"{result['queries']} queries, {result['documents']} documents, indexed in {result['index_seconds']:.1f} s, "
        f"query {result['query_ms']['p50']:.1f} ms (p95 {result['query_ms']['p95']:.1f})",
        f"{'stage':<10}{'nDCG@10':>10}{'recall@10':>11}{'MRR@10':>9}",
    ]
    for stage, found in result["stages"].items():
        lines.append(
            f"{stage:<10}{found['ndcg@10']:>10.4f}{found['recall@10']:>11.4f}{found['mrr@10']:>9.4f}"
        )
    if result["not_indexed"]:
        lines.append(f"{result['not_indexed']} documents could not be indexed and are found by no query")
    return "\n".join(lines) + "\n"
