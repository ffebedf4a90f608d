"""The library: the one owner of a folder with a catalogue, its originals and its indexes.

    folder/catalogue.sqlite   the truth: documents, text, passages, vectors (`rag.index.catalogue`)
    folder/originals/         the files' bytes, by sha256
    folder/vectors-000003/    Chroma's index, derived (`rag.index.vectors`)
    folder/words-000001/      tantivy's index, derived (`rag.index.lexical`)
    folder/writer.lock        held by the one writer

Paths are recorded absolute and as they were named (symbolic links are not followed), so that the same file is
recognised from any working directory; a file inside a file is `box.zip!/inner.txt`.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.documents.walk import label
from rag.errors import (
    ConfidentialLibrary,
    LibraryDamaged,
    LibraryMismatch,
    LibraryMissing,
    UnknownDocument,
    UsageError,
)
from rag.index import rows
from rag.index.catalogue import FILE, Catalogue
from rag.index.disk import plain_disk_errors
from rag.index.lock import WriterLock
from rag.index.originals import Originals
from rag.index.records import AddReport, CheckReport, DocumentRecord, LibrarySummary, Progress
from rag.index.searching import Finder
from rag.index.vectors import Vectors
from rag.index.words import Words
from rag.settings import Settings, digest_of
from rag.types import Document, Filters, Passage
from rag.wording import REPAIR, Phrase, Way

if TYPE_CHECKING:
    from rag.index.embed import Embedder

_CACHED_DOCUMENTS = 64
# What a first `add` that was interrupted may have left without a catalogue.
_OURS = {"writer.lock", "writer.json"}


class Library:
    """Open with `Library.open`, use as a context manager. Reading never waits for a writer, and sees what another
    process finished adding or removing at the next call. May be shared by threads.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        embedder: Embedder,
        catalogue: Catalogue,
        lock: WriterLock | None,
    ) -> None:
        """Not to be called directly: see `open`."""
        self.folder = folder
        self.settings = settings
        self.embedder = embedder
        self.catalogue = catalogue
        self.originals = Originals(folder)
        self.vectors = Vectors(folder, catalogue, settings.index.vectors)
        self.words = Words(folder, catalogue)
        self._lock = lock
        self._mutex = threading.RLock()
        self._finder = Finder(
            catalogue, self.vectors, self.words, embedder.dimension, settings.search.exact_limit
        )
        # The cached documents are those of this generation.
        self._generation = -1
        self._documents: OrderedDict[str, Document] = OrderedDict()

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: Settings,
        *,
        write: bool = False,
        create: bool = False,
        embedder: Embedder | None = None,
    ) -> Library:
        """The library in `folder`; with `write`, as its only writer; with `create`, made where there is none.

        `embedder`: instead of the one that the settings name.

        Raises:
            LibraryMissing: there is none, and `create` was not given.
            UsageError: the folder is not a library (with `create`: it holds other things), or is of a newer version.
            LibraryMismatch: it was built with another embedder or, for writing, another way of splitting.
            LibraryLocked: another process is writing to it.
            LibraryDamaged: its catalogue cannot be read.
            ConfidentialLibrary: it is confidential, and the settings keep its vectors on another machine.
            OnRecordError: the disk is full.
        """
        folder = Path(folder).absolute()
        if embedder is None:
            from rag.index.embed import make_embedder

            embedder = make_embedder(settings.index)
        _require_library(folder, create)
        lock = WriterLock(folder) if write else None
        if lock is not None:
            lock.__enter__()
        catalogue: Catalogue | None = None
        try:
            with plain_disk_errors(folder):
                catalogue = Catalogue(folder, create=create)
                _hold_to_manifest(catalogue, folder, settings, embedder, write)
                if catalogue.confidential:
                    _require_vectors_here(folder, settings)
                library = cls(folder, settings, embedder, catalogue, lock)
                if write:
                    library._begin_writing()
        except BaseException:
            if catalogue is not None:
                catalogue.close()
            if lock is not None:
                lock.__exit__(None, None, None)
            raise
        return library

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release everything, the writer's lock last. Closing twice is allowed."""
        try:
            self.words.close()
            self.vectors.close()
        finally:
            self.catalogue.close()
            if self._lock is not None:
                self._lock.__exit__(None, None, None)
                self._lock = None

    @property
    def confidential(self) -> bool:
        """Whether the library refuses every answerer that is not on this machine.

        Read from the catalogue each time, so that a change by another process counts from the next question on.
        """
        return self.catalogue.confidential

    # Writing -----------------------------------------------------------------------------------------------------

    def add(
        self,
        paths: Iterable[Path],
        progress: Progress | None = None,
        *,
        names: Mapping[Path, str] | None = None,
    ) -> AddReport:
        """Add files and folders; the same bytes again change nothing.

        `names`: what to record as the path of a file, instead of where its bytes are now (for uploads).

        Raises OnRecordError where the work cannot go on (a full disk, a vector server that is gone): what was
        finished until then stays, and the same call again completes the rest.
        """
        from rag.index.adding import add

        with self._writing():
            return add(self, paths, progress, names or {})

    def remove(self, ids: Sequence[str]) -> None:
        """Remove documents, every path they were seen under, and their originals.

        Raises UnknownDocument before anything is changed, and OnRecordError where the disk is full.
        """
        from rag.index.removing import remove

        with self._writing():
            for document_id in ids:
                self.record(document_id)
            remove(self, ids)

    def set_confidential(self, wanted: bool) -> None:
        """Keep in the catalogue whether the library is confidential.

        Raises ConfidentialLibrary where its vectors are kept on another machine: every question would go there.
        """
        with self._writing():
            if wanted:
                _require_vectors_here(self.folder, self.settings)
            self.catalogue.confidential = wanted

    def check(self) -> CheckReport:
        """Hold every stored thing against the text it belongs to; changes nothing.

        Raises LibraryLocked where a writer is at work: half of its work would look like damage.
        """
        from rag.index.check import check

        with self._alone():
            return check(self)

    def repair(self) -> CheckReport:
        """Make again what `check` finds missing or wrong and the catalogue can replace; gives what is left."""
        from rag.index.check import repair

        with self._writing():
            return repair(self)

    def _begin_writing(self) -> None:
        from rag.index.removing import finish_interrupted

        self.vectors.reach()
        finish_interrupted(self)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._lock is None:
            raise ValueError("the library was opened for reading: open it with write=True")
        with plain_disk_errors(self.folder):
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._lock is not None:
            yield
        else:
            with WriterLock(self.folder):
                yield

    def summary(self) -> LibrarySummary:
        """What is in the library and how it is kept, from one moment."""
        with self.catalogue.snapshot():
            documents = self.catalogue.row("SELECT count(*) FROM documents WHERE state = 'ready'")
            passages = self.catalogue.row(
                "SELECT count(*) FROM passages JOIN documents ON documents.number = passages.document "
                "WHERE documents.state = 'ready'"
            )
            return LibrarySummary(
                folder=str(self.folder),
                documents=int(documents[0]) if documents else 0,
                passages=int(passages[0]) if passages else 0,
                embedder=self.catalogue.get("embedder") or "",
                confidential=self.catalogue.confidential,
            )

    # Documents ---------------------------------------------------------------------------------------------------

    def documents(self) -> list[DocumentRecord]:
        """Every ready document, by id."""
        return rows.records(self.catalogue)

    def record(self, document_id: str) -> DocumentRecord:
        found = rows.records(self.catalogue, document_id)
        if not found:
            raise self._unknown(document_id)
        return found[0]

    def document(self, document_id: str) -> Document:
        """Raises UnknownDocument."""
        generation = self.catalogue.generation
        with self._mutex:
            if generation != self._generation:
                self._generation = generation
                self._documents.clear()
            if document_id in self._documents:
                self._documents.move_to_end(document_id)
                return self._documents[document_id]
        document = rows.ready_document(self.catalogue, document_id)
        if document is None:
            raise self._unknown(document_id)
        with self._mutex:
            self._documents[document_id] = document
            if len(self._documents) > _CACHED_DOCUMENTS:
                self._documents.popitem(last=False)
        return document

    def original(self, document_id: str) -> bytes:
        """The bytes as they were added. Raises UnknownDocument; LibraryDamaged where they are gone."""
        sha256 = self.record(document_id).sha256
        try:
            return self.originals.get(sha256)
        except OSError as error:
            raise LibraryDamaged(
                f"the original of {document_id} cannot be read ({error.strerror})",
                where=str(self.originals.path(sha256)),
                next_step=REPAIR,
            ) from error

    def _unknown(self, document_id: str) -> UnknownDocument:
        return UnknownDocument(
            f"there is no document {document_id!r}",
            where=str(self.folder),
            next_step=Way.SEE_DOCUMENTS,
        )

    # Searching ---------------------------------------------------------------------------------------------------

    def matching(self, filters: Filters) -> frozenset[str] | None:
        """Ids of the documents that pass; None where there is no filter, so all do.

        Raises UnknownDocument for a document that is not here.
        """
        return self._finder.matching(filters)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Passages by id, in the order asked; those that another process removed meanwhile are left out."""
        found: dict[str, Passage] = {}
        for document_id in {passage_id.rpartition(":")[0] for passage_id in ids}:
            try:
                found.update((passage.id, passage) for passage in self.passages_of(document_id))
            except UnknownDocument:
                continue
        return [found[passage_id] for passage_id in ids if passage_id in found]

    def passages_of(self, document_id: str) -> list[Passage]:
        """Raises UnknownDocument."""
        return rows.passages_of(self.catalogue, self.document(document_id))

    def dense(
        self, vector: NDArray[np.float32], k: int, documents: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """The nearest `k` passages as (passage id, cosine), best first, ties by id.

        `vector` is (dimension,) and of unit length. Up to `settings.search.exact_limit` candidates are compared one by
        one; more go through the vector index, which is approximate, but no filter ever costs a match: as many are
        fetched as it takes. Cosines are rounded to 6 places, so that equal texts tie.
        """
        return self._finder.dense(vector, k, documents)

    def lexical(self, text: str, k: int, documents: frozenset[str] | None = None) -> list[tuple[str, float]]:
        """The best `k` passages by their words as (passage id, BM25), best first, ties by id; exact under any filter.

        Words are stemmed; a part of `text` in double quotation marks counts as a phrase too.
        """
        return self._finder.lexical(text, k, documents)


def _require_library(folder: Path, create: bool) -> None:
    try:
        str(folder).encode()
        _require_place(folder, create)
    except UnicodeEncodeError:
        raise UsageError(
            "the name of the library's folder is not text in UTF-8",
            where=label(folder),
            next_step=Way.OTHER_FOLDER,
        ) from None
    except OSError as error:
        raise UsageError(
            f"the library's folder cannot be read ({error.strerror})",
            where=str(folder),
            next_step=Phrase("check its permissions, or ", Way.OTHER_FOLDER),
        ) from error


def _require_place(folder: Path, create: bool) -> None:
    if (folder / FILE).is_file():
        return
    if folder.exists() and not folder.is_dir():
        raise UsageError("this is a file, not a library", where=str(folder), next_step=Way.OTHER_FOLDER)
    strangers = (
        [path for path in folder.iterdir() if path.name not in {"writer.lock", "writer.json"}]
        if folder.exists()
        else []
    )
    if strangers:
        raise UsageError(
            "this folder is not a library (it holds other files)",
            where=str(folder),
            next_step=Way.EMPTY_FOLDER,
        )
    if not create:
        raise LibraryMissing("there is no library", where=str(folder), next_step=Way.ADD_FILES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the library's folder cannot be made ({error.strerror})",
            where=str(folder),
            next_step=Way.OTHER_FOLDER,
        ) from error


def _require_vectors_here(folder: Path, settings: Settings) -> None:
    from rag.answer.places import place_of

    vectors = settings.index.vectors
    if vectors != "embedded" and (place := place_of(vectors)) is not None:
        raise ConfidentialLibrary(
            f"a confidential library does not keep its vectors on another machine ({place})",
            where=str(folder),
            next_step="set index.vectors to embedded",
        )


def splitter_digest(settings: Settings) -> str:
    index = settings.index
    return digest_of({"passage_tokens": index.passage_tokens, "overlap_tokens": index.overlap_tokens})


def _hold_to_manifest(
    catalogue: Catalogue, folder: Path, settings: Settings, embedder: Embedder, write: bool
) -> None:
    """Compare the library's manifest with what is asked; a new library gets its manifest here."""
    recorded = catalogue.get("embedder")
    if recorded is None and not write:
        raise LibraryMissing(
            "there is no library yet (its first add did not get far)",
            where=str(folder),
            next_step=Way.ADD_FILES,
        )
    if recorded is None:
        with catalogue.transaction():
            catalogue.set("library", secrets.token_hex(8))
            catalogue.set("splitter", splitter_digest(settings))
            catalogue.set("dimension", str(embedder.dimension))
            catalogue.set("embedder", embedder.name)
        return
    dimension = int(catalogue.get("dimension") or 0)
    if recorded != embedder.name or dimension != embedder.dimension:
        raise LibraryMismatch(
            f"the library was built with the embedder {recorded} ({dimension} numbers a vector), "
            f"and the settings name {embedder.name} ({embedder.dimension})",
            where=str(folder),
            next_step="set index.embedder back, or add the files to a new library",
        )
    if write and catalogue.get("splitter") != splitter_digest(settings):
        raise LibraryMismatch(
            "the library was built with other sizes of passages than the settings name",
            where=str(folder),
            next_step="set index.passage_tokens and index.overlap_tokens back, or add the files to a new library",
        )
