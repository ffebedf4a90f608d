"""The values that flow through the pipeline, frozen, with their invariants checked in the constructors.

Offsets are half-open and count Unicode code points of `Document.text`, the one canonical text: NFC, `\\n` line
ends, no NUL, otherwise untouched (curly quotes and no-break spaces stay). A `Passage` and a `Quote` are views of
that text; scores, embeddings and storage live elsewhere.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Ranker = Literal["dense", "lexical", "fused", "reranked"]
Reason = Literal["no_hits", "declined", "no_verified_quote"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open range `[start, end)` in code points; `0 <= start <= end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: [{self.start}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The slice of `text`; raises ValueError where the span does not lie inside it."""
        if self.end > len(text):
            raise ValueError(f"span [{self.start}, {self.end}) is outside a text of {len(text)} characters")
        return text[self.start : self.end]

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        """True where the two share at least one character."""
        return max(self.start, other.start) < min(self.end, other.end)

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a paginated document: its number, counted from 1, and its span of the text."""

    number: int
    span: Span

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"pages count from 1, not {self.number}")


def _check_ascending(name: str, spans: tuple[Span, ...], length: int) -> None:
    end = 0
    for span in spans:
        if span.start < end:
            raise ValueError(f"{name} must ascend without overlap: {span} starts before {end}")
        if span.end > length:
            raise ValueError(f"{name}: {span} is outside a text of {length} characters")
        end = span.end


def _check_iso_date(name: str, value: str | None) -> None:
    """ISO 8601 date (`2026-02-03`) or date-time; None is "unknown"."""
    if value is not None:
        try:
            dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{name} is not an ISO 8601 date: {value!r}") from error


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its canonical text and what is known about it.

    `id` is a readable slug and a short content hash and depends on no model. `sha256` is that of the original
    bytes. `pages`, `headings` and `furniture` (menus, adverts, forms, running headers: kept in the text, never
    indexed, never quoted) are ascending spans without overlap among their own kind. `published` and `modified` are
    ISO 8601; the third date, when it was added, belongs to the library. Unknown is None, never a guess.
    """

    id: str
    text: str
    sha256: str
    media_type: str
    path: str
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    pages: tuple[Page, ...] = ()
    headings: tuple[Span, ...] = ()
    furniture: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a document needs an id")
        if "\x00" in self.text or "\r" in self.text:
            raise ValueError(f"{self.id}: canonical text holds no NUL and no carriage return")
        if not unicodedata.is_normalized("NFC", self.text):
            raise ValueError(f"{self.id}: canonical text is NFC")
        _check_ascending("pages", tuple(page.span for page in self.pages), len(self.text))
        _check_ascending("headings", self.headings, len(self.text))
        _check_ascending("furniture", self.furniture, len(self.text))
        _check_iso_date("published", self.published)
        _check_iso_date("modified", self.modified)

    def page_at(self, offset: int) -> int | None:
        """Number of the page that holds the character at `offset`; None where the document has no pages."""
        for page in self.pages:
            if page.span.start <= offset < page.span.end:
                return page.number
        return None

    def is_furniture(self, span: Span) -> bool:
        return any(piece.overlaps(span) for piece in self.furniture)


@dataclass(frozen=True, slots=True)
class Passage:
    """A searchable piece of one document. `text` is the slice of the document's text at `span`.

    `heading` is the nearest heading above it; it is embedded with the passage but never part of its text.
    `tokens` is counted with the embedder's own tokenizer, heading included.
    """

    document_id: str
    ordinal: int
    span: Span
    text: str
    heading: str | None = None
    tokens: int = 0

    def __post_init__(self) -> None:
        if len(self.text) != len(self.span):
            raise ValueError(f"{self.id}: {len(self.text)} characters of text for a span of {len(self.span)}")

    @property
    def id(self) -> str:
        return f"{self.document_id}:{self.ordinal:05d}"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a question may be answered from. Empty means no restriction; the parts are joined by AND.

    `sources` are compared case-insensitively; the two dates are ISO days, both inclusive, compared with
    `Document.published`. A document without a date fails every date filter, one without an outlet every outlet filter.
    """

    sources: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    date_from: str | None = None
    date_to: str | None = None

    def __post_init__(self) -> None:
        _check_iso_date("from", self.date_from)
        _check_iso_date("to", self.date_to)

    def __bool__(self) -> bool:
        return bool(self.sources or self.documents or self.languages or self.date_from or self.date_to)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved passage. `rank` counts from 1; `score` compares only with scores of the same `by`."""

    passage: Passage
    score: float
    rank: int
    by: Ranker


@dataclass(frozen=True, slots=True)
class Quote:
    """Text of one document at one place. Only `rag.answer.verify` makes these (a test holds the code to that)."""

    document_id: str
    span: Span
    text: str
    page: int | None = None

    def __post_init__(self) -> None:
        if not self.text or len(self.text) != len(self.span):
            raise ValueError("a quote is a non-empty slice of its document")


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote with the number it is printed under and what is known about where it stands."""

    marker: int
    quote: Quote
    path: str
    title: str | None = None
    source: str | None = None
    published: str | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer and the markers of the citations that carry it (at least one)."""

    text: str
    citations: tuple[int, ...]
    speaker: str | None = None

    def __post_init__(self) -> None:
        if not self.citations:
            raise ValueError("a statement without a citation is not shown: withhold it")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something an answerer said that verification did not let through, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The day or days that a short answer such as "Tuesday" or "last month" names, read from its document's date.

    `first` and `last` are both inclusive, and equal where it is one day. `counted_from` is the document's date.
    """

    first: dt.date
    last: dt.date
    counted_from: str

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"{self.first} is after {self.last}")


@dataclass(frozen=True, slots=True)
class DisagreementValue:
    value: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Sources give several values: `real` (the same thing, incompatible) or `apparent` (different events or dates)."""

    kind: Literal["real", "apparent"]
    values: tuple[DisagreementValue, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answerer points at: a place, or words that it says stand in a document.

    Exactly one of `span` and `words` is given. `verify` turns it into a `Quote` or withholds it.
    """

    document_id: str
    span: Span | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        if (self.span is None) == (self.words is None):
            raise ValueError("evidence is either a span or words")


@dataclass(frozen=True, slots=True)
class DraftStatement:
    """One unverified sentence. `text` None means: the quotes themselves are the statement.

    `problem`: why it cannot be shown, where that is known before verification (it points at a sentence that does not
    exist); it is withheld with this reason.
    """

    text: str | None
    evidence: tuple[Evidence, ...]
    speaker: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DraftDisagreement:
    """Values that sources give, unverified: for each the places that give it, of which the first is its wording.

    A place that stands in no quote of the answer is left out, and a value without a place; two values must remain.
    """

    kind: Literal["real", "apparent"]
    values: tuple[tuple[Evidence, ...], ...]
    note: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What an answerer returns, before verification. No statements means that it declines.

    `short_answers`: best first, each a place in a document; `repeats` has for each of them, in the same order, other
    places that say the same in their own words. `confidence` in [0, 1], or None where the answerer has none.
    `note` may be shown: it says what is missing, or what the answerer was not shown, and claims nothing else.
    """

    statements: tuple[DraftStatement, ...] = ()
    short_answers: tuple[Evidence, ...] = ()
    confidence: float | None = None
    note: str = ""
    repeats: tuple[tuple[Evidence, ...], ...] = ()
    disagreement: DraftDisagreement | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question of a conversation and the text of its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What one answer took of a language model. Unknown is None: a server need not count tokens or have a price.

    `cost` in US dollars; `host` is where the text went, None for this machine; `prompts` is a digest of the prompts'
    wording, the same for every question.
    """

    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    host: str | None
    prompts: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer. Citations are numbered 1..n in order of first use; there is at least one.

    `hits` are the passages that the answerer was shown, in order. `timings_ms` has `retrieve`, `answer` and `total`.
    `searched` is the question as it was searched for, where it was rewritten with the conversation. `usage` is None
    for an answerer without a language model. `short_answer_dates` has for each short answer, in the same order, the days
    that it names where it counts them from its document's date, else None; empty is None for all.
    """

    question: Question
    text: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    short_answers: tuple[str, ...]
    hits: tuple[Hit, ...]
    answerer: str
    withheld: tuple[Withheld, ...] = ()
    disagreement: Disagreement | None = None
    confidence: float | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    note: str = ""
    searched: str | None = None
    usage: ModelUse | None = None
    short_answer_dates: tuple[Resolved | None, ...] = ()

    def __post_init__(self) -> None:
        if self.short_answer_dates and len(self.short_answer_dates) != len(self.short_answers):
            raise ValueError("dates and short answers belong together, one by one")
        if not self.citations:
            raise ValueError("an answer has at least one citation; otherwise it is NoAnswer")
        if [citation.marker for citation in self.citations] != list(range(1, len(self.citations) + 1)):
            raise ValueError("citations are numbered 1..n")
        known = {citation.marker for citation in self.citations}
        for statement in self.statements:
            if not known.issuperset(statement.citations):
                raise ValueError(f"statement cites {statement.citations}, of which some do not exist")
        for citation in self.citations:
            quote = citation.quote
            shown = (hit.passage.span for hit in self.hits if hit.passage.document_id == quote.document_id)
            if not any(span.contains(quote.span) for span in shown):
                raise ValueError(f"citation {citation.marker} is not inside a passage that was shown")


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The documents do not say, or nothing that could be shown survived verification.

    `text` is one plain sentence for the reader. `reason`: `no_hits` (nothing was found), `declined` (the answerer saw
    the passages and found no answer in them), `no_verified_quote` (everything it said was withheld).
    """

    question: Question
    reason: Reason
    text: str
    hits: tuple[Hit, ...]
    answerer: str
    withheld: tuple[Withheld, ...] = ()
    confidence: float | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    note: str = ""
    searched: str | None = None
    usage: ModelUse | None = None
