"""The system under test: one small Protocol, and the pipeline as one implementation of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rag.answer.model import Tally, Usage
from rag.settings import Settings, digest_of
from rag.types import Filters, Question

if TYPE_CHECKING:
    from rag.index.library import Library


class System(Protocol):
    """Anything that answers a question with the contract's `ask` object."""

    def ask(self, question: str, filters: Filters) -> dict[str, Any]:
        """The `ask` object. Whatever it raises is recorded as the question's error; the run goes on."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What the answers depend on besides question, corpus and settings: names and digests of models, prompts.

        JSON, and the same for two systems that would answer alike: it is part of the cache's key.
        """
        ...


_IN_PROCESS = ("llamacpp", "huggingface")


class PipelineSystem:
    """`rag.pipeline` over an open library. Threads share it, and each is told what its own questions used.

    A model in this process is asked one question at a time, so that waiting for another question's reply does not count
    against the time limits of its own.
    """

    def __init__(self, library: Library, settings: Settings, spec: str) -> None:
        from rag.pipeline import Pipeline, make_answerer

        self._library, self._settings, self._spec = library, settings, spec
        self._answerer = make_answerer(spec, library, settings)
        self._pipeline = Pipeline(library, settings, self._answerer)
        self._here = threading.local()
        alone = spec.partition(":")[0] in _IN_PROCESS
        self._turn: AbstractContextManager[Any] = threading.Lock() if alone else nullcontext()

    def ask(self, question: str, filters: Filters) -> dict[str, Any]:
        from rag.render import answer_json

        before, tally = self.usage(), Tally()
        try:
            with self._turn:
                return answer_json(self._pipeline.ask(Question(question, filters), tally=tally))
        finally:
            if before is not None:
                self._here.used = before + tally.usage

    def usage(self) -> Usage | None:
        """What the questions of this thread used of a language model so far; None where there is none."""
        if getattr(self._answerer, "model", None) is None:
            return None
        used: Usage = getattr(self._here, "used", Usage(cost=0.0 if self._settings.llm.priced else None))
        return used

    def fingerprint(self) -> dict[str, Any]:
        """Of a language model: its SPEC, which never holds a key, and what its writer says (digest of the prompts)."""
        given = getattr(self._answerer, "fingerprint", None)
        return {
            "answerer": self._spec,
            "embedder": self._library.embedder.name,
            "models": digest_models(),
            "answerer_details": given() if callable(given) else None,
        }


def usage_of(system: System) -> Usage | None:
    """What `system` used in this thread so far, where it has a `usage()` that tells (it need not)."""
    given = getattr(system, "usage", None)
    used: Usage | None = given() if callable(given) else None
    return used


_ASK_FIELDS: dict[str, tuple[type, ...]] = {
    "status": (str,),
    "answer": (str, type(None)),
    "short_answers": (list,),
    "statements": (list,),
    "citations": (list,),
    "hits": (list,),
    "confidence": (int, float, type(None)),
    "timings_ms": (dict, type(None)),
}


def check_ask(ask: Mapping[str, Any]) -> None:
    """Raises ValueError where an object cannot be scored as an answer: the question then counts as an error."""
    for name, types in _ASK_FIELDS.items():
        if name not in ask or not isinstance(ask[name], types):
            raise ValueError(f"the answer's {name!r} is missing or of the wrong type")
    if ask["status"] not in {"answered", "no_answer"}:
        raise ValueError(f"the answer's status is {ask['status']!r}")


def digest_models() -> str:
    """sha256 over the names and bytes of the weights shipped in `rag/models`."""
    import rag

    folder = Path(rag.__file__).parent / "models"
    listing = []
    for path in sorted(
        each for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts
    ):
        with path.open("rb") as stream:
            listing.append(
                [path.relative_to(folder).as_posix(), hashlib.file_digest(stream, "sha256").hexdigest()]
            )
    return digest_of(listing)


def filters_of(asked: Mapping[str, Any], documents: tuple[str, ...]) -> Filters:
    """A suite's filters (`Item.filters_json`) for the pipeline; `documents` are the ids its names stand for."""
    return Filters(
        sources=tuple(asked["source"]), documents=documents, date_from=asked["from"], date_to=asked["to"]
    )
