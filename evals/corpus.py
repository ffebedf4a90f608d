"""The documents that a suite's gold stands in: found by id, path or file name; their text on demand.

Two makers: `read_folder` parses a suite's `corpus/` (what `eval lint` does), `of_library` reads a built library (what
a run does). Both give the same texts, because both come from `rag.documents`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.settings import digest_of

if TYPE_CHECKING:
    from rag.index.library import Library
    from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Source:
    """One document of the corpus: its id, every path it was seen under, and how to get its canonical text."""

    id: str
    paths: tuple[str, ...]
    text: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file of the corpus that did not become a document."""

    path: str
    reason: str


class UnknownName(LookupError):
    """A document's name fits no document, or several."""


class Corpus:
    """Documents by name. Texts are fetched when first asked for and kept."""

    def __init__(self, sources: Iterable[Source], failed: Sequence[Failed] = (), digest: str = "") -> None:
        self.sources = {source.id: source for source in sources}
        self.failed = tuple(failed)
        self.digest = digest
        self._texts: dict[str, str] = {}
        self._resolved: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.sources)

    def text(self, document_id: str) -> str | None:
        """Canonical text of a document; None where the corpus has no such id."""
        if document_id not in self._texts:
            source = self.sources.get(document_id)
            if source is None:
                return None
            self._texts[document_id] = source.text()
        return self._texts[document_id]

    def resolve(self, name: str) -> str:
        """The id of the one document that `name` means: its id, its path (or the end of it), or its file name.

        A path ends at a folder border: `a/b.txt` fits `x/a/b.txt`, not `xa/b.txt`. Raises UnknownName where no
        document fits, or several different ones do; the message says which.
        """
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name)
        return self._resolved[name]

    def _resolve(self, name: str) -> str:
        if name in self.sources:
            return name
        wanted = name.replace("\\", "/").removeprefix("./")
        exact = [key for key, source in self.sources.items() if wanted in source.paths]
        if len(exact) == 1:
            return exact[0]
        fits = sorted(
            key
            for key, source in self.sources.items()
            if any(path == wanted or path.endswith(("/" + wanted, "!/" + wanted)) for path in source.paths)
        )
        if not fits:
            for failure in self.failed:
                if failure.path == wanted or failure.path.endswith("/" + wanted):
                    raise UnknownName(f"{name!r} could not be read: {failure.reason}")
            raise UnknownName(f"no document of the corpus is called {name!r}")
        if len(fits) > 1:
            raise UnknownName(
                f"{name!r} fits {len(fits)} documents ({', '.join(fits[:4])}): give the path or the id"
            )
        return fits[0]


def corpus_files(folder: Path) -> list[Path]:
    """Every regular file below `folder`, sorted by its path relative to it; hidden files are left out."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def digest_folder(folder: Path) -> str:
    """sha256 over the sorted relative paths and the sha256 of each file: another file or byte, another digest."""
    listing = []
    for path in corpus_files(folder):
        with path.open("rb") as stream:
            listing.append(
                [path.relative_to(folder).as_posix(), hashlib.file_digest(stream, "sha256").hexdigest()]
            )
    return digest_of(listing)


Loader = Callable[[bytes, str], Iterable[Source | Failed]]


def document_loader(settings: Settings) -> Loader:
    """The project's own readers as a `Loader`."""

    def load_one(data: bytes, path: str) -> Iterator[Source | Failed]:
        from rag.documents.load import Loaded, load

        for entry in load(data, path, settings.documents):
            if isinstance(entry, Loaded):
                text = entry.document.text
                yield Source(entry.document.id, (entry.document.path,), lambda text=text: text)  # type: ignore[misc]
            else:
                yield Failed(entry.path, entry.error)

    return load_one


def read_folder(folder: Path, loader: Loader) -> Corpus:
    """Parse every file of `folder`. Files of the same content are one document with several paths."""
    sources: dict[str, Source] = {}
    failed = []
    for path in corpus_files(folder):
        relative = path.relative_to(folder).as_posix()
        try:
            data = path.read_bytes()
        except OSError as error:
            failed.append(Failed(relative, str(error.strerror or error)))
            continue
        for entry in loader(data, relative):
            if isinstance(entry, Failed):
                failed.append(entry)
            elif entry.id in sources:
                known = sources[entry.id]
                sources[entry.id] = Source(known.id, known.paths + entry.paths, known.text)
            else:
                sources[entry.id] = entry
    return Corpus(sources.values(), failed, digest_folder(folder))


def of_library(library: Library, digest: str | None = None) -> Corpus:
    """The ready documents of a library.

    `digest` is that of the folder it was built from; without one, a digest over the documents' ids and the sha256
    of their bytes stands in, which no other set of documents shares.
    """
    records = library.documents()

    def text_of(document_id: str) -> Callable[[], str]:
        return lambda: library.document(document_id).text

    sources = [
        Source(
            record.document_id,
            tuple(dict.fromkeys((record.path, *record.copies))),
            text_of(record.document_id),
        )
        for record in records
    ]
    if digest is None:
        digest = digest_of([[record.document_id, record.sha256] for record in records])
    return Corpus(sources, (), digest)
