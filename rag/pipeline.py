"""A question in, an answer with its quotes or a plain "the documents do not say" out.

`events` does the work and says how far it is; `ask` is `events` run to its end, so there is one path. An answerer is
shown the retrieved passages and drafts; nothing it drafts is shown before `rag.answer.verify` has found it.

An answerer with `drafts` (a language model) hands on its statements one by one; each is verified and told as `Stated`
while the next is still being written. With `standalone` it also rewrites a question that follows others, before
anything is searched; each answer stands on what was found for its own question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rag.answer.answerer import Answerer
from rag.answer.llms.specs import SPECS as SPECS
from rag.answer.llms.specs import check_spec as check_spec
from rag.answer.model import LanguageModel, Tally
from rag.answer.places import require_permitted
from rag.answer.verify import Desk, Verified
from rag.errors import AnswererError, Stopped, UnknownDocument, UsageError
from rag.settings import Settings
from rag.types import (
    Answer,
    Citation,
    Document,
    Draft,
    Filters,
    Hit,
    ModelUse,
    NoAnswer,
    Question,
    Reason,
    Statement,
    Turn,
    Withheld,
)
from rag.wording import Phrase, Way
from rag.words import in_spanish

if TYPE_CHECKING:
    from rag.index.library import Library

MAX_QUESTION = 4_000  # characters; a question, not a document

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
    """What the answerer has drafted so far; the last one is all of it. Nothing of it may be shown: it is not verified."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement of the answer that is verified, and its citations, in the order of its markers."""

    statement: Statement
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the answer."""

    answer: Answer | NoAnswer


# `Verified` is what survived verification, and what was withheld.
Event: TypeAlias = Retrieved | Drafted | Stated | Verified | Finished


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

    def ask(
        self,
        question: Question,
        conversation: Sequence[Turn] = (),
        stop: threading.Event | None = None,
        tally: Tally | None = None,
    ) -> Answer | NoAnswer:
        """The answer, or why there is none. `conversation` holds the turns before this question, oldest first.

        What a language model uses for it is in the answer; an empty `tally` tells it where there is an error, too.

        Raises:
            UsageError: the question is empty or absurdly long, or a filter names a document that is not there.
            AnswererError: the answerer failed, which is not the same as having no answer.
            Stopped: `stop` was set before the answer was there.
        """
        for event in self.events(question, conversation, stop, tally):
            if isinstance(event, Finished):
                return event.answer
        raise Stopped("the question was stopped", next_step="ask it again")

    def events(
        self,
        question: Question,
        conversation: Sequence[Turn] = (),
        stop: threading.Event | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Event]:
        """Retrieved; Drafted, and Stated for each statement of it that is verified; Verified; Finished.

        Finished alone may follow any of them; an answerer that does not write piece by piece gives no Stated. Once
        `stop` is set the events end soon, without Finished. Closing the iterator stops the work, too. Raises as `ask`.
        """
        _check(question)
        stop = stop or threading.Event()
        tally = tally or Tally()
        try:
            for event in self._events(question, conversation, stop, tally):
                if stop.is_set():
                    return
                yield event
        except AnswererError as error:
            if stop.is_set():
                return
            if self.answerer.name != "offline":
                error.next_step = Phrase(
                    error.next_step, "; ", Way.OFFLINE, " answers without a language model"
                )
            raise

    def _events(
        self, question: Question, conversation: Sequence[Turn], stop: threading.Event, tally: Tally
    ) -> Iterator[Event]:
        model: LanguageModel | None = getattr(self.answerer, "model", None)
        if model is not None:
            # Once more, for a library that became confidential after its answerer was made.
            require_permitted(self.answerer.name, model.host, self._library)
        clock = _Clock()
        searched = self._standalone(question, conversation, stop, tally)
        if stop.is_set():
            return
        clock.lap("rewrite")
        hits, documents = self._retrieve(searched)
        clock.lap("retrieve")
        yield Retrieved(hits)
        told = _Told(question, hits, self.answerer, clock, tally, searched)
        if not hits:
            yield Finished(told.nothing("no_hits", sentence=self._nothing(searched)))
            return
        desk = Desk(searched, hits, documents, self._settings.answer.max_quotes)
        draft = Draft()
        for draft in self._drafts(searched, hits, documents, stop, tally):
            yield Drafted(draft)
            if callable(getattr(self.answerer, "drafts", None)):
                for drafted in draft.statements[desk.added :]:
                    for statement in desk.add(drafted):
                        yield Stated(statement, tuple(desk.citations[at - 1] for at in statement.citations))
        if stop.is_set():
            return
        threshold = self._threshold()
        unsure = draft.confidence is not None and threshold is not None and draft.confidence < threshold
        if unsure or not draft.statements:
            clock.lap("answer")
            yield Finished(told.nothing("declined", confidence=draft.confidence, note=draft.note))
            return
        for drafted in draft.statements[desk.added :]:
            desk.add(drafted)
        verified = desk.verified(draft)
        clock.lap("answer")
        yield verified
        yield Finished(told.answer(verified, draft))

    def _standalone(
        self, question: Question, conversation: Sequence[Turn], stop: threading.Event, tally: Tally
    ) -> Question:
        """The question as it is searched for: rewritten with the conversation by an answerer that can."""
        rewrite = getattr(self.answerer, "standalone", None)
        if not conversation or not callable(rewrite):
            return question
        rewritten: Question = rewrite(question, conversation, stop, tally)
        return rewritten

    def _drafts(
        self,
        question: Question,
        hits: Sequence[Hit],
        documents: Mapping[str, Document],
        stop: threading.Event,
        tally: Tally,
    ) -> Iterator[Draft]:
        drafts = getattr(self.answerer, "drafts", None)
        if callable(drafts):
            yield from drafts(question, hits, documents, stop, tally)
        else:
            yield self.answerer.draft(question, hits, documents)

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


def make_answerer(spec: str, library: Any, settings: Settings) -> Answerer:
    """The answerer that `spec` names. Nothing is sent anywhere before it is asked.

    Raises:
        UsageError: a SPEC of no known form, a missing key, file or package.
        ConfidentialLibrary: the library is confidential and the answerer is not on this machine.
    """
    check_spec(spec)
    if spec == "offline":
        from rag.answer.reader import OfflineReader

        return OfflineReader(settings.answer)
    from rag.answer.llms import destination, make_model
    from rag.answer.writer import Writer

    require_permitted(spec, destination(spec), library)
    return Writer(make_model(spec, settings.llm), settings)


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
    """Milliseconds of each step and in all, from a monotonic clock. Other steps count in the total alone."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {"retrieve": 0.0, "answer": 0.0}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        if name in self._laps:
            self._laps[name] = (now - self._last) * 1000
        self._last = now

    def timings(self) -> dict[str, float]:
        return {**self._laps, "total": (time.perf_counter() - self._start) * 1000}


@dataclass(frozen=True)
class _Told:
    """What every answer to one question has in common."""

    question: Question
    hits: tuple[Hit, ...]
    answerer: Answerer
    clock: _Clock
    tally: Tally
    searched: Question

    def nothing(
        self,
        reason: Reason,
        *,
        sentence: str = "",
        confidence: float | None = None,
        withheld: tuple[Withheld, ...] = (),
        note: str = "",
    ) -> NoAnswer:
        text = _SENTENCES[sentence or reason][1 if in_spanish(self.question.text) else 0]
        return NoAnswer(
            self.question,
            reason,
            text,
            self.hits,
            self.answerer.name,
            withheld=withheld,
            confidence=confidence,
            timings_ms=self.clock.timings(),
            note=note,
            searched=self._searched,
            usage=self._use,
        )

    def answer(self, verified: Verified, draft: Draft) -> Answer | NoAnswer:
        """What was verified; NoAnswer where nothing of it was."""
        if not verified.citations:
            return self.nothing(
                "no_verified_quote",
                confidence=draft.confidence,
                withheld=verified.withheld,
                note=draft.note,
            )
        return Answer(
            self.question,
            verified.text,
            verified.statements,
            verified.citations,
            verified.short_answers,
            self.hits,
            self.answerer.name,
            withheld=verified.withheld,
            disagreement=verified.disagreement,
            confidence=draft.confidence,
            timings_ms=self.clock.timings(),
            note=draft.note,
            searched=self._searched,
            usage=self._use,
            short_answer_dates=verified.short_answer_dates,
        )

    @property
    def _use(self) -> ModelUse | None:
        """None for an answerer without a language model."""
        model: LanguageModel | None = getattr(self.answerer, "model", None)
        if model is None:
            return None
        used = self.tally.usage
        prompts: str = getattr(self.answerer, "prompt_digest", "")
        return ModelUse(used.prompt_tokens, used.completion_tokens, used.cost, model.host, prompts)

    @property
    def _searched(self) -> str | None:
        return None if self.searched.text == self.question.text else self.searched.text
