"""What the pages do, without any Gradio in it: one library, asked, filled and emptied by several people at once.

Reading and writing are apart, as in the library: questions use one reader, kept open; adding and removing open a
writer for as long as they take, so the command line can write to the same library while the app runs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer.places import place_of
from rag.errors import LibraryMissing, OnRecordError, UsageError
from rag.index.library import Library
from rag.pipeline import Event, Pipeline, check_spec, make_answerer
from rag.settings import Settings
from rag.types import Document, Filters, Question, Turn
from rag.wording import Command

if TYPE_CHECKING:
    from rag.answer.llms import AnswererStatus

OFFLINE = "offline"
_KEPT = 3  # answerers that stay ready; a model in this process may be large


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where the text of a question goes with one answerer: `host`, None for this machine.

    `vectors`: the host that keeps the library's vectors and so gets those of the questions; None for this machine.
    `refused`: the library is confidential and this answerer is not on this machine, so nothing goes anywhere.
    """

    spec: str
    host: str | None
    vectors: str | None
    confidential: bool

    @property
    def refused(self) -> bool:
        return self.confidential and self.host is not None


def destination_of(spec: str) -> str | None:
    """The host that gets the text of questions, None for this machine. Raises UsageError where `spec` is none."""
    if spec == OFFLINE:
        return None
    from rag.answer.llms import destination

    return destination(spec)


class Desk:
    """The library at `folder`, which may not exist yet; the first upload creates it. Safe to share between threads.

    `any_answerer`: the people who see the page may name an answerer and change who may read the library. Only for an
    app that one person on this machine can reach: a SPEC names addresses and files, which this machine then opens.
    """

    def __init__(self, folder: Path, settings: Settings, *, any_answerer: bool = False) -> None:
        self.folder = folder
        self.settings = settings
        self.any_answerer = any_answerer
        self._lock = threading.RLock()
        self._reader: Library | None = None
        self._pipelines: OrderedDict[str, Pipeline] = OrderedDict()
        self._making = threading.Lock()

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = None
            self._pipelines.clear()

    def _open(self) -> Library:
        with self._lock:
            if self._reader is None:
                self._reader = Library.open(self.folder, self.settings)
            return self._reader

    def _pipe(self, spec: str) -> Pipeline:
        library = self._open()
        with self._lock:
            if spec in self._pipelines:
                self._pipelines.move_to_end(spec)
                return self._pipelines[spec]
        # Loading a model takes long: other questions go on meanwhile, and one SPEC is not loaded twice.
        with self._making:
            with self._lock:
                if spec in self._pipelines:
                    return self._pipelines[spec]
            answerer = make_answerer(spec, library, self.settings)
            pipeline = Pipeline(library, self.settings.with_answer(answerer=spec), answerer)
            with self._lock:
                self._pipelines[spec] = pipeline
                while len(self._pipelines) > _KEPT:
                    self._pipelines.popitem(last=False)
            return pipeline

    # Answerers -----------------------------------------------------------------------------------------------------

    @property
    def spec(self) -> str:
        """The answerer that the app was started with."""
        return self.settings.answer.answerer

    def choose(self, spec: str | None) -> str:
        """The SPEC as it is used. Raises UsageError where it is none, or may not be named here."""
        chosen = (spec or "").strip() or self.spec
        if not self.any_answerer and chosen not in {self.spec, OFFLINE}:
            raise UsageError(
                "this app answers with the answerers in its list only",
                next_step="choose one of them, or ask whoever runs it to start it with another",
            )
        check_spec(chosen)
        return chosen

    def place(self, spec: str) -> Place:
        """Where questions go with `spec`, without asking it anything. Raises UsageError where it is no SPEC."""
        vectors = self.settings.index.vectors
        return Place(
            spec,
            destination_of(spec),
            None if vectors == "embedded" else place_of(vectors),
            self.confidential,
        )

    def answerers(self) -> list[AnswererStatus]:
        """Which answerers are usable now, and why the others are not. Asks servers on this machine: may take a second."""
        from rag.answer.llms import answerers

        return answerers(os.environ)

    @property
    def confidential(self) -> bool:
        """Whether the library is confidential; one that is not there yet is not."""
        try:
            return self._open().confidential
        except LibraryMissing:
            return False

    def set_confidential(self, wanted: bool) -> None:
        """Raises LibraryMissing, LibraryLocked; UsageError where the people who see the page may not change it."""
        if not self.any_answerer:
            raise UsageError(
                "only who runs this app can change this",
                next_step=Command(
                    f"run: onrecord library {'--confidential' if wanted else '--not-confidential'}"
                ),
            )
        with Library.open(self.folder, self.settings, write=True) as library:
            library.set_confidential(wanted)

    # Questions -----------------------------------------------------------------------------------------------------

    def events(
        self,
        question: str,
        filters: Filters,
        *,
        spec: str | None = None,
        conversation: Sequence[Turn] = (),
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The pipeline's events; raises UsageError, LibraryMissing where nothing was added yet.

        No lock is held between two events: Gradio may take each one in another thread, or never come back.
        """
        pipeline = self._pipe(self.choose(spec))
        yield from pipeline.events(Question(question, filters), conversation=conversation, stop=stop)

    def warm(self) -> None:
        """Load the models before the first question, so that it does not wait for them."""
        # Only the answerer that is built in: another may cost money, or send the text somewhere.
        try:
            self._pipe(OFFLINE).ask(Question("Is everything loaded?"))
        except OnRecordError:
            return  # no library yet, or one that cannot be used: whoever asks is told

    # Documents -----------------------------------------------------------------------------------------------------

    def document(self, document_id: str) -> Document:
        return self._open().document(document_id)

    def original(self, document_id: str) -> bytes:
        return self._open().original(document_id)

    def record(self, document_id: str) -> dict[str, Any]:
        return dict(self._open().record(document_id).as_json())

    def records(self) -> list[dict[str, Any]]:
        """Every document's record; empty where there is no library yet."""
        try:
            return [dict(record.as_json()) for record in self._open().documents()]
        except LibraryMissing:
            return []

    def add(
        self, files: Sequence[Path], progress: Callable[[int, int, str], None] | None = None
    ) -> dict[str, Any]:
        """Add uploaded files; returns the add report.

        They are recorded as `uploaded/DIGEST/NAME`, a label and never a place: two files of one name are two
        documents, and the same bytes again change nothing.
        """
        names = {}
        for path in files:
            with path.open("rb") as opened:
                names[path] = f"uploaded/{hashlib.file_digest(opened, 'sha256').hexdigest()[:8]}/{path.name}"
        with Library.open(self.folder, self.settings, write=True, create=True) as library:
            return dict(library.add(files, progress, names=names).as_json())

    def remove(self, document_ids: Sequence[str]) -> None:
        with Library.open(self.folder, self.settings, write=True) as library:
            library.remove(document_ids)

    def export(self, answer: dict[str, Any], folder: Path) -> list[Path]:
        """Write the Markdown and, where there are quotes, the evidence pack of `answer` into `folder`."""
        from rag.export import check_against, to_markdown, write_file, write_pack

        library = self._open()
        check_against(answer, library)
        written = [folder / "answer.md"]
        write_file(written[0], to_markdown(answer).encode())
        if answer["citations"]:
            written.append(folder / "evidence.zip")
            write_pack(answer, library, self.settings, written[1])
        return written
