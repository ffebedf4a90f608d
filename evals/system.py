"""The system under test: one small Protocol, and the pipeline as one implementation of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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


class PipelineSystem:
    """`rag.pipeline` over an open library."""

    def __init__(self, library: Library, settings: Settings, spec: str) -> None:
        from rag.pipeline import Pipeline, make_answerer

        self._answerer = make_answerer(spec, library, settings)
        self._pipeline = Pipeline(library, settings, self._answerer)
        self._library = library
        self._spec = spec

    def ask(self, question: str, filters: Filters) -> dict[str, Any]:
        from rag.render import answer_json

        return answer_json(self._pipeline.ask(Question(question, filters)))

    def fingerprint(self) -> dict[str, Any]:
        given = getattr(self._answerer, "fingerprint", None)
        return {
            "answerer": self._spec,
            "embedder": self._library.embedder.name,
            "models": digest_models(),
            "answerer_details": given() if callable(given) else None,
        }


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
