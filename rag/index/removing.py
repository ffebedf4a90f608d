"""Taking documents out without a trace, and finishing what an interrupted process left half done.

The order matters at a crash: marked *removing* first (from then on nobody sees the document), then out of the word
index, then the original, and the rows last. Whatever point is reached, the next writer goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.index.library import Library

# tantivy keeps the words of deleted entries in its files until it happens to merge them. Up to this many passages a
# removal writes the index anew instead (0.2 ms a passage, 20 s at the limit), so that no word of it stays on the
# disk; above it, they are out of reach of every search at once and leave the files with a later merge.
_REWRITE_LIMIT = 100_000


def remove(library: Library, ids: Sequence[str]) -> None:
    """Remove ready documents by id; every id is known to exist."""
    catalogue = library.catalogue
    with catalogue.transaction():
        for document_id in ids:
            catalogue.run(
                "UPDATE documents SET state = 'removing' WHERE id = ? AND state = 'ready'", (document_id,)
            )
            # A file that this document was in no longer counts as read: adding it again brings the document back.
            catalogue.run(
                "UPDATE files SET complete = 0 WHERE path IN (SELECT file FROM places JOIN documents"
                " ON documents.number = places.document WHERE documents.id = ?)",
                (document_id,),
            )
            catalogue.run(
                "DELETE FROM places WHERE document = (SELECT number FROM documents WHERE id = ?)",
                (document_id,),
            )
        catalogue.run("DELETE FROM files WHERE path NOT IN (SELECT file FROM places)")
        catalogue.next_generation()
    finish(library, rewrite=True)
    library.vectors.sync()


def finish_interrupted(library: Library) -> None:
    """Take back what an interrupted process began and finish what it was removing; on every opening for writing."""
    library.originals.drop_unfinished()
    library.words.drop_others()
    finish(library)


def finish(library: Library, *, rewrite: bool = False) -> None:
    """Delete every document that is *pending* or *removing*, from everywhere but the vector index.

    That one follows at its next `sync`, by the tombstones; until then its entries lead nowhere. With `rewrite`, no
    word of them stays in the files of the word index either.
    """
    catalogue = library.catalogue
    going = catalogue.rows("SELECT number, sha256 FROM documents WHERE state != 'ready'")
    if not going:
        return
    numbers = [number for number, _ in going]
    total = catalogue.row("SELECT count(*) FROM passages")
    rewrite = rewrite and total is not None and total[0] <= _REWRITE_LIMIT
    if rewrite:
        library.words.rebuild()
    else:
        library.words.writer(gone=numbers)
    for sha256 in {sha256 for _, sha256 in going}:
        if catalogue.row("SELECT 1 FROM documents WHERE sha256 = ? AND state = 'ready'", (sha256,)) is None:
            library.originals.drop(sha256)
    with catalogue.transaction():
        for number in numbers:
            catalogue.run(
                "INSERT OR IGNORE INTO tombstones SELECT number FROM passages WHERE document = ?", (number,)
            )
            catalogue.run("DELETE FROM documents WHERE number = ?", (number,))
    catalogue.tidy()
