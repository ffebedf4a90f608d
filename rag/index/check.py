"""`check` and `repair`: every stored thing held against the text it belongs to.

Texts and originals by sha256, passages by their spans, their digests and what they leave uncovered, vectors by their
digest, length and norm, the word index by its entries and its whole vocabulary (compared with one made anew in
memory), the vector index by its ids and each of its vectors. One line for each problem.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rag.index import lexical, removing, rows
from rag.index.records import CheckReport
from rag.index.vectors import VectorsFailed
from rag.types import Document

if TYPE_CHECKING:
    from rag.index.library import Library

_NORM_TOLERANCE = 1e-3
_COSINE_TOLERANCE = 1e-4
_NAMED = 5  # ids named in one line; of more, the number is given


def check(library: Library) -> CheckReport:
    """See `Library.check`."""
    with library.catalogue.snapshot():
        problems = [
            *library.catalogue.faults(),
            *_unfinished(library),
            *_documents(library),
            *_words(library),
            *_vector_index(library),
        ]
        counts = library.catalogue.row(
            "SELECT (SELECT count(*) FROM documents WHERE state = 'ready'), (SELECT count(*) FROM passages JOIN documents"
            " ON documents.number = document WHERE state = 'ready')"
        )
    documents, passages = counts or (0, 0)
    return CheckReport(documents, passages, problems)


def _unfinished(library: Library) -> Iterator[str]:
    for identity, state in library.catalogue.rows("SELECT id, state FROM documents WHERE state != 'ready'"):
        work = "adding" if state == "pending" else "removing"
        yield f"{identity}: {work} it was interrupted; any add, or check --repair, finishes that"
    for (identity,) in library.catalogue.rows(
        "SELECT id FROM documents WHERE state = 'ready' AND number NOT IN (SELECT document FROM places)"
    ):
        yield f"{identity}: no path leads to it"


def _documents(library: Library) -> Iterator[str]:
    for number in rows.ready_numbers(library.catalogue):
        try:
            document = rows.document_at(library.catalogue, number)
        except (ValueError, KeyError, TypeError) as error:
            yield f"document number {number}: what is stored of it is not valid ({error})"
            continue
        yield from _text_and_original(library, number, document)
        for problem in _passages(library, number, document):
            yield f"{document.id}: {problem}"
        for ordinal, problem in bad_vectors(library, number):
            yield f"{document.id}:{ordinal:05d}: {problem}"


def _text_and_original(library: Library, number: int, document: Document) -> Iterator[str]:
    row = library.catalogue.row("SELECT text_sha256, characters FROM documents WHERE number = ?", (number,))
    if row is not None and (row[0] != rows.text_digest(document.text) or row[1] != len(document.text)):
        yield f"{document.id}: its text is not the one that was stored (sha256 differs)"
    if not library.originals.path(document.sha256).exists():
        yield f"{document.id}: its original is missing"
    elif not library.originals.whole(document.sha256):
        yield f"{document.id}: its original was changed (sha256 differs)"


def _passages(library: Library, number: int, document: Document) -> Iterator[str]:
    """Spans inside the text, in order, unchanged since they were made; everything but furniture is covered."""
    text = document.text
    reached, before = 0, -1
    uncovered: list[tuple[int, int]] = []
    headings = {span.of(text).strip() for span in document.headings}
    found = library.catalogue.rows(
        "SELECT ordinal, start, end, heading, digest FROM passages WHERE document = ? ORDER BY ordinal",
        (number,),
    )
    for expected, (ordinal, start, end, heading, digest) in enumerate(found):
        if ordinal != expected:
            yield f"passage {expected} is missing"
            return
        if not before <= start < end <= len(text):
            yield f"passage {ordinal}: its span [{start}, {end}) is not in order or not inside the text"
            return
        if zlib.crc32(text[start:end].encode()) != digest:
            yield f"passage {ordinal}: its text is not the one that was indexed"
        if heading is not None and headings and not _stands_in(heading, text):
            yield f"passage {ordinal}: its heading {heading!r} does not stand in the text"
        if start > reached:
            uncovered.append((reached, start))
        reached, before = max(reached, end), start
    uncovered.append((reached, len(text)))
    for start, end in uncovered:
        lost = _outside_furniture(document, start, end)
        if lost is not None:
            yield f"characters {lost[0]} to {lost[1]} are in no passage"


def _stands_in(heading: str, text: str) -> bool:
    return heading in text or " ".join(heading.split()) in " ".join(text.split())


def _outside_furniture(document: Document, start: int, end: int) -> tuple[int, int] | None:
    """The first stretch of `[start, end)` that is neither furniture nor white space."""
    for piece in (*document.furniture, None):
        stop = end if piece is None else min(piece.start, end)
        if start < stop and document.text[start:stop].strip():
            return start, stop
        if piece is not None:
            start = max(start, piece.end)
    return None


def bad_vectors(library: Library, number: int) -> Iterator[tuple[int, str]]:
    """(ordinal, what is wrong) for each passage of the document whose vector cannot be trusted."""
    for ordinal, blob, digest in library.catalogue.rows(
        "SELECT ordinal, vector, vectors.digest FROM passages LEFT JOIN vectors ON passage = passages.number"
        " WHERE document = ? ORDER BY ordinal",
        (number,),
    ):
        if blob is None:
            yield ordinal, "its vector is missing"
        elif len(blob) != library.embedder.dimension * 4:
            yield ordinal, f"its vector has {len(blob) // 4} numbers instead of {library.embedder.dimension}"
        elif zlib.crc32(blob) != digest:
            yield ordinal, "its vector was changed"
        else:
            norm = float(np.linalg.norm(np.frombuffer(blob, np.float32)))
            if not abs(norm - 1.0) <= _NORM_TOLERANCE:
                yield ordinal, f"its vector is not of unit length ({norm:.4f})"


def _words(library: Library) -> Iterator[str]:
    ready = rows.ready_numbers(library.catalogue)
    wanted = dict(
        library.catalogue.rows(
            "SELECT passages.number, document FROM passages JOIN documents ON documents.number = document"
            " WHERE state = 'ready'"
        )
    )
    held = library.words.holds()
    if held is None:
        if wanted:
            yield "the word index is missing or cannot be read"
        return
    found = held.entries()
    yield from _differences("the word index", wanted.keys(), found.keys(), library)
    if found == wanted:
        anew = lexical.build(None, rows.entries(library.catalogue, ready))
        ours, theirs = held.vocabulary(), anew.vocabulary()
        wrong = [word for name in ours for word in set(ours[name].items()) ^ set(theirs[name].items())]
        if wrong:
            yield f"the word index differs from the texts in {len(wrong)} words"


def _vector_index(library: Library) -> Iterator[str]:
    wanted = {
        number: np.frombuffer(blob, np.float32)
        for number, blob in library.catalogue.rows(
            "SELECT passage, vector FROM vectors JOIN passages ON passages.number = passage"
            " JOIN documents ON documents.number = document WHERE state = 'ready'"
        )
    }
    if library.vectors.state() is None:
        if wanted:
            yield "the vector index is missing, unfinished or of another place; searching works without it, but slower"
        return
    found: set[int] = set()
    wrong: list[int] = []
    try:
        for numbers, vectors in library.vectors.entries():
            found.update(numbers)
            for number, vector in zip(numbers, vectors, strict=True):
                ours = wanted.get(number)
                if ours is not None and not _same(ours, vector):
                    wrong.append(number)
    except VectorsFailed as error:
        yield f"the vector index cannot be read ({error.what})"
        return
    yield from _differences("the vector index", wanted.keys(), found, library)
    if wrong:
        yield f"the vector index holds other vectors than the catalogue for {_named(library, wrong)}"


def _same(ours: rows.Matrix, theirs: rows.Matrix) -> bool:
    """Compared by angle: Chroma stores vectors of cosine space normalised."""
    if ours.shape != theirs.shape:
        return False
    length = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return bool(length > 0 and float(ours @ theirs) / length >= 1 - _COSINE_TOLERANCE)


def _differences(name: str, wanted: Iterable[int], found: Iterable[int], library: Library) -> Iterator[str]:
    wanted_set, found_set = set(wanted), set(found)
    if missing := sorted(wanted_set - found_set):
        yield f"{name} lacks {_named(library, missing)}"
    if extra := sorted(found_set - wanted_set):
        yield f"{name} holds {len(extra)} entries of passages that do not exist"


def _named(library: Library, passages: Sequence[int]) -> str:
    ids = [ids[0] for _, ids in sorted(rows.ready_ids(library.catalogue, passages[:_NAMED]).items())]
    rest = len(passages) - len(ids)
    return ", ".join(ids) + (f" and {rest} more" if rest else "")


def repair(library: Library) -> CheckReport:
    """See `Library.repair`."""
    removing.finish_interrupted(library)
    with library.catalogue.transaction():
        library.catalogue.run("DELETE FROM passages WHERE document NOT IN (SELECT number FROM documents)")
        library.catalogue.run("DELETE FROM vectors WHERE passage NOT IN (SELECT number FROM passages)")
        library.catalogue.run("DELETE FROM places WHERE document NOT IN (SELECT number FROM documents)")
    for number in rows.ready_numbers(library.catalogue):
        _repair_document(library, number)
    wrong_words, wrong_vectors = list(_words(library)), list(_vector_index(library))
    if wrong_words:
        library.words.rebuild()
    if wrong_vectors:
        library.vectors.rebuild()
    library.vectors.sync()
    return check(library)


def _repair_document(library: Library, number: int) -> None:
    from rag.index.split import embedding_text, split

    catalogue = library.catalogue
    try:
        document = rows.document_at(catalogue, number)
    except (ValueError, KeyError, TypeError):
        return  # nothing to repair it from; `check` names it
    if not library.originals.whole(document.sha256):
        _restore_original(library, number, document)
    if any(_passages(library, number, document)):
        passages = split(document, library.embedder, library.settings.index)
        texts = [embedding_text(document.title, passage) for passage in passages]
        vectors = (
            library.embedder.encode(texts) if texts else np.zeros((0, library.embedder.dimension), np.float32)
        )
        with catalogue.transaction():
            catalogue.run(
                "INSERT OR IGNORE INTO tombstones SELECT number FROM passages WHERE document = ?", (number,)
            )
            catalogue.run("DELETE FROM passages WHERE document = ?", (number,))
            rows.insert_passages(catalogue, number, document, passages, vectors)
            catalogue.next_generation()
        return
    ordinals = {ordinal for ordinal, _ in bad_vectors(library, number)}
    if ordinals:
        broken = [passage for passage in rows.passages_of(catalogue, document) if passage.ordinal in ordinals]
        numbers = {
            ordinal: passage
            for passage, ordinal in catalogue.rows(
                "SELECT number, ordinal FROM passages WHERE document = ?", (number,)
            )
        }
        vectors = library.embedder.encode([embedding_text(document.title, passage) for passage in broken])
        with catalogue.transaction():
            rows.insert_vectors(catalogue, [numbers[passage.ordinal] for passage in broken], vectors)
            catalogue.next_generation()


def _restore_original(library: Library, number: int, document: Document) -> None:
    """Take the bytes from a path the document was added under, where they still are the same.

    Where they are not, a damaged original is kept: part of it may still be of use.
    """
    for (path,) in library.catalogue.rows(
        "SELECT path FROM places WHERE document = ? AND path = file", (number,)
    ):
        try:
            with open(path, "rb") as file:
                data = file.read(library.settings.documents.max_bytes + 1)
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == document.sha256:
            library.originals.drop(document.sha256)
            library.originals.put({document.sha256: data})
            return
