"""Libraries for measuring: a suite's corpus is indexed once and found again by what it was made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evals.corpus import digest_folder
from evals.store import write_whole
from evals.ways import RunWay
from rag.errors import OnRecordError
from rag.settings import Settings, digest_of

if TYPE_CHECKING:
    from rag.index.library import Library
    from rag.index.records import Progress

Warn = Callable[[str], None]
_COMPLETE = "bench-complete"


def suite_library(
    corpus: Path, settings: Settings, home: Path, warn: Warn, report: Progress | None = None
) -> tuple[Library, str]:
    """An open library of every file in `corpus`, and the corpus digest; built below `home` unless it is there.

    Its folder's name is made of the digests of the corpus, of where it lies (a library records paths) and of the
    settings that shape an index, so another corpus, or other passages, get another library. Files that cannot be
    read are told to `warn`; a build that was killed is completed by the next call. How far a build is goes to `report`
    (files done, of, name), or to standard error.
    """
    from rag.index.library import Library
    from rag.progress import TerminalProgress

    digest = digest_folder(corpus)
    shape = [
        dataclasses.asdict(settings.documents),
        dataclasses.asdict(settings.index),
        str(corpus.resolve()),
    ]
    folder = home / f"{digest[:12]}-{digest_of(shape)[:12]}"
    if not (folder / _COMPLETE).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            Library.open(folder, settings, write=True, create=True) as library,
            TerminalProgress() as progress,
        ):
            added = library.add([corpus.resolve()], report or progress)
        for failure in added.failed:
            warn(f"not indexed: {failure.path}: {failure.error}")
        if not library_has_documents(added.passages, folder, settings):
            raise OnRecordError(
                "no file of the corpus could be indexed", where=str(corpus), next_step=RunWay.SEE_REASONS
            )
        write_whole(folder / _COMPLETE, b"")
    return Library.open(folder, settings), digest


def library_has_documents(passages: int, folder: Path, settings: Settings) -> bool:
    """True where something was just added (`passages`), or was there from an interrupted build."""
    from rag.index.library import Library

    if passages:
        return True
    with Library.open(folder, settings) as library:
        return bool(library.documents())
