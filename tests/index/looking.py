"""Looking at a library from outside, as the tests of it do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.index.library import Library
from rag.index.records import AddReport


def counts(report: AddReport) -> dict[str, int]:
    kinds = ("added", "updated", "unchanged", "copies", "removed", "failed")
    return {kind: len(getattr(report, kind)) for kind in kinds if getattr(report, kind)}


def paths(library: Library) -> dict[str, set[str]]:
    """File names by document id, of all paths the document was seen under."""
    return {record.document_id: {Path(path).name for path in record.copies} for record in library.documents()}


def by_word(library: Library, word: str) -> set[str]:
    return {passage_id.rpartition(":")[0] for passage_id, _ in library.lexical(word, 50)}


def by_meaning(library: Library, text: str) -> str:
    vector: NDArray[np.float32] = library.embedder.encode([text])[0]
    return library.dense(vector, 1)[0][0].rpartition(":")[0]
