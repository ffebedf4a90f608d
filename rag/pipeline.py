"""A question in, an answer with its quotes or a plain "the documents do not say" out.

`events` does the work and says how far it is; `ask` is `events` run to its end, so there is one path. An answerer is
shown the retrieved passages and drafts; nothing it drafts is shown before `rag.answer.verify` has found it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rag.answer.answerer import Answerer
from rag.answer.verify import Verified, verify
from rag.errors import UnknownDocument, UsageError
from rag.settings import Settings
from rag.types import Answer, Document, Draft, Filters, Hit, NoAnswer, Question, Reason
from rag.words import in_spanish

if TYPE_CHECKING:
    from rag.index.library import Library

MAX_QUESTION = 4_000  # characters; a question, not a document
SPECS = (
    "offline",
    "openai:MODEL",
    "anthropic:MODEL",
    "ollama:MODEL",
    "openai-compatible:MODEL@URL",
    "llamacpp:FILE.gguf",
    "huggingface:NAME-OR-FOLDER",
)

_SENTENCES: dict[str, tuple[str, str]] = {  # in English and in Spanish
    "filters": (
        "No document in the library passes the filters of this question.",
        "Ningún documento de la biblioteca cumple los filtros de esta pregunta.",
    ),
    "no_hits": ("Nothing was found in the documents.", "No se encontró nada en los documentos."),
    "declined": ("The documents do not say.", "Los documentos no lo dicen."),
    "no_verified_quote": (
        "Nothing that was drafted as an answer could be found in the documents.",
        "Nada de lo redactado como respuesta se pudo encontrar en los documentos.",
    ),
}


class Documents(Protocol):
    """What the pipeline needs of `rag.index.library.Library`."""

    def document(self, document_id: str) -> Document: ...

    def matching(self, filters: Filters) -> frozenset[str] | None: ...


class Retrieves(Protocol):
    """What the pipeline needs of `rag.search.retrieve.Retriever`: hits, best first."""

    def retrieve(self, question: Question, k: int | None = None) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages that the answerer is shown."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Drafted:
    """The answerer is done. Nothing of the draft may be shown: it is not verified."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the answer."""

    answer: Answer | NoAnswer


# `Verified` is what survived verification, and what was withheld.
Event: TypeAlias = Retrieved | Drafted | Verified | Finished


class Pipeline:
    """Answers questions over one library. Keeps no state between questions.

    `answerer` and `retriever` default to those that `settings` name.
    """

    def __init__(
        self,
        library: Documents,
        settings: Settings,
        answerer: Answerer | None = None,
        *,
        retriever: Retrieves | None = None,
    ) -> None:
        self._library = library
        self._settings = settings
        if answerer is None:
            answerer = make_answerer(settings.answer.answerer, library, settings)
        self.answerer = answerer
        self.retriever = make_retriever(library, settings) if retriever is None else retriever

    def ask(self, question: Question) -> Answer | NoAnswer:
        """The answer, or why there is none.

        Raises:
            UsageError: the question is empty or absurdly long, or a filter names a document that is not there.
            AnswererError: the answerer failed, which is not the same as having no answer.
        """
        for event in self.events(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("events() ends with Finished")

    def events(self, question: Question) -> Iterator[Event]:
        """Retrieved, Drafted, Verified, Finished, as they happen; Finished alone may follow any of them.

        Closing the iterator early stops the work before its next step. Raises as `ask`.
        """
        _check(question)
        clock = _Clock()
        hits, documents = self._retrieve(question)
        clock.lap("retrieve")
        yield Retrieved(hits)
        if not hits:
            yield Finished(
                self._no_answer(question, "no_hits", hits, clock, sentence=self._nothing(question))
            )
            return
        draft = self.answerer.draft(question, hits, documents)
        yield Drafted(draft)
        threshold = self._threshold()
        unsure = draft.confidence is not None and threshold is not None and draft.confidence < threshold
        if unsure or not draft.statements:
            clock.lap("answer")
            yield Finished(self._no_answer(question, "declined", hits, clock, confidence=draft.confidence))
            return
        verified = verify(draft, question, hits, documents, max_quotes=self._settings.answer.max_quotes)
        clock.lap("answer")
        yield verified
        if not verified.citations:
            yield Finished(
                self._no_answer(
                    question,
                    "no_verified_quote",
                    hits,
                    clock,
                    confidence=draft.confidence,
                    withheld=verified.withheld,
                )
            )
            return
        yield Finished(
            Answer(
                question,
                verified.text,
                verified.statements,
                verified.citations,
                verified.short_answers,
                hits,
                self.answerer.name,
                withheld=verified.withheld,
                disagreement=verified.disagreement,
                confidence=draft.confidence,
                timings_ms=clock.timings(),
            )
        )

    def _retrieve(self, question: Question) -> tuple[tuple[Hit, ...], Mapping[str, Document]]:
        """Hits and their documents. A document that was removed in this very moment loses its hits."""
        documents: dict[str, Document] = {}
        kept: list[Hit] = []
        for hit in self.retriever.retrieve(question):
            document_id = hit.passage.document_id
            if document_id not in documents:
                try:
                    documents[document_id] = self._library.document(document_id)
                except UnknownDocument:
                    continue
            kept.append(hit)
        return tuple(kept), documents

    def _threshold(self) -> float | None:
        """The setting, else the answerer's own; an answerer without one (an LLM) decides by itself."""
        if self._settings.answer.threshold is not None:
            return self._settings.answer.threshold
        own: float | None = getattr(self.answerer, "threshold", None)
        return own

    def _nothing(self, question: Question) -> str:
        filtered = question.filters and self._library.matching(question.filters) == frozenset()
        return "filters" if filtered else "no_hits"

    def _no_answer(
        self,
        question: Question,
        reason: Reason,
        hits: tuple[Hit, ...],
        clock: _Clock,
        *,
        sentence: str = "",
        **found: Any,
    ) -> NoAnswer:
        text = _SENTENCES[sentence or reason][1 if in_spanish(question.text) else 0]
        return NoAnswer(question, reason, text, hits, self.answerer.name, timings_ms=clock.timings(), **found)


def make_answerer(spec: str, library: Any, settings: Settings) -> Answerer:
    """The answerer that `spec` names.

    Raises:
        UsageError: a SPEC of no known form, or one that this version does not ship.
    """
    check_spec(spec)
    from rag.answer.reader import OfflineReader

    return OfflineReader(settings.answer)


def check_spec(spec: str) -> None:
    """Raises UsageError, as `make_answerer`, without making anything."""
    if spec == "offline":
        return
    kind, colon, rest = spec.partition(":")
    known = {form.partition(":")[0] for form in SPECS}
    complete = rest and colon and (kind != "openai-compatible" or re.fullmatch(r".+@https?://.+", rest))
    if kind in known - {"offline"} and complete:
        raise UsageError(
            "this version ships the offline reader only",
            where=f"--answerer {spec}",
            next_step="use --answerer offline",
        )
    raise UsageError(
        f"unknown answerer {spec!r}", where="--answerer", next_step=f"use one of {', '.join(SPECS)}"
    )


def make_retriever(library: Any, settings: Settings) -> Retrieves:
    """The retriever over `library` that the settings describe."""
    from rag.search.retrieve import Retriever

    typed: Library = library
    return Retriever(typed, settings.search)


def _check(question: Question) -> None:
    if not question.text.strip():
        raise UsageError("the question is empty", next_step="ask something about the documents")
    if len(question.text) > MAX_QUESTION:
        raise UsageError(
            f"the question has {len(question.text)} characters",
            next_step=f"ask in at most {MAX_QUESTION}; add longer text to the library as a document",
        )


class _Clock:
    """Milliseconds of each step and in all, from a monotonic clock."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {"retrieve": 0.0, "answer": 0.0}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name] = (now - self._last) * 1000
        self._last = now

    def timings(self) -> dict[str, float]:
        return {**self._laps, "total": (time.perf_counter() - self._start) * 1000}
