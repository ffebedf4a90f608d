"""A draft goes in; what can be shown comes out: quotes cut from the documents, and what was withheld and why.

This is the only module that makes a `Quote`, and it makes one by cutting `document.text[start:end]`. What an answerer
says stands in a document is only ever used to find a place; its own string is never printed as a quote. There is no
measure of likeness and no threshold: words are found, exactly or after `rag.answer.folding`, or they are withheld.

A place is accepted when it lies inside one passage that was shown, outside furniture, and
- does not cut a word or a figure in two ("7 prisoners" out of "37 prisoners", "lawful" out of "unlawful"),
- does not begin right after a negation ("approved it" out of "has not approved it").
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.answer.attribution import same_person, speaker_of
from rag.answer.folding import BREAK, INVISIBLE, Folded, fold
from rag.types import (
    Citation,
    Disagreement,
    DisagreementValue,
    Document,
    Draft,
    DraftDisagreement,
    DraftStatement,
    Evidence,
    Hit,
    Question,
    Quote,
    Span,
    Statement,
    Withheld,
)

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_BROKEN_BEFORE = re.compile(r"[^\W\d_][-\u2010\u00ad][^\S\n]*\n[^\S\n]*$")
_BROKEN_AFTER = re.compile(r"[-\u2010\u00ad][^\S\n]*\n[^\S\n]*[^\W\d_]")
_NO_SPACE_BEFORE = re.compile(rf"[{INVISIBLE}]+$")
_NO_SPACE_AFTER = re.compile(rf"[{INVISIBLE}]+")
# 1,200 and 1.5 and 10–20 and 12:30 and 3/4 and 2025-02-27 are one figure each; so is 37 200 with a no-break space.
_IN_FIGURE = "[.,:/'’·⁄\u00a0\u2009\u202f\u2010-\u2015-]"
_FIGURE_BEFORE = re.compile(rf"(?:\d{_IN_FIGURE}|(?:^|[\s(\[])[-\u2212])$")
_FIGURE_AFTER = re.compile(rf"{_IN_FIGURE}\d|[\u00b2\u00b3\u00b9\u2070-\u2079]")
_PREFIX_BEFORE = re.compile(
    r"\b(?:non|un|anti|ex|counter|pseudo|quasi|never|former)[-\u2010\u2011]$", re.IGNORECASE
)
_NEGATION_BEFORE = re.compile(
    r"(?:\b(?:not|never|no|nor|neither|without|cannot|hardly|nunca|jamás|ni|sin|tampoco)|n['’]t)(?P<gap>\s+)[\"'“‘«]?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_CONTEXT = 32  # characters looked at on either side of a place
_CHANGED_SHARE = (
    0.6  # share of words in common from which a sentence is named as what the words were made from
)

CUTS_A_WORD = "the place cuts a word or a figure of the source in two"
LEAVES_OUT_NEGATION = "the place leaves out the negation right before it"
NO_WORDS = "the evidence holds no words"
NO_EVIDENCE = "the answerer gave no evidence for it"
NOT_SHOWN = "the document it names was not among those shown"
OUTSIDE_DOCUMENT = "the place lies outside the document's text"
OUTSIDE_PASSAGES = "found only outside the passages that were shown"
FURNITURE = "found only in furniture (menus, adverts, forms, running headers)"
NOT_TOGETHER = "the words stand in the source, but not together in this order"
QUESTION_ONLY = "the words are the question's, not a document's"
NOT_FOUND = "not found in any document that was shown"
NOT_IN_QUOTES = "the short answer does not stand in any quote of the answer"


@dataclass(frozen=True, slots=True)
class Match:
    """Where words were found. `folded`: they differ from the source in typesetting only."""

    span: Span
    state: Literal["exact", "folded"]


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """A slice of a cited quote that answers by itself, and the citations that hold it."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What survived. Citations are numbered 1..n by first use; no citations means there is no answer to show.

    `text` is the whole answer in one string with its markers; `short_answers` are slices of cited quotes.
    """

    text: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    short_answers: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    disagreement: Disagreement | None = None


def verify(
    draft: Draft,
    question: Question,
    hits: Sequence[Hit],
    documents: Mapping[str, Document],
    *,
    max_quotes: int | None = None,
) -> Verified:
    """Check every piece of evidence in `draft` against what was shown.

    `hits` are what the answerer was shown, best first; `documents` holds their documents by id. `max_quotes` limits the
    statements that are nothing but quotes; a statement that a writer worded keeps all of its quotes.
    A worded statement needs at least one quote that is found, and must not name another speaker than the source does.
    """
    desk = _Desk(question, hits, documents)
    statements: list[Statement] = []
    for drafted in draft.statements:
        found = desk.evidence(drafted)
        if drafted.text is None:
            for document, span in found:
                full = max_quotes is not None and len(statements) >= max_quotes
                if not full or desk.is_cited(document, span):
                    statements.append(desk.quoted(document, span))
        elif found and (statement := desk.worded(drafted, found)):
            statements.append(statement)
    statements = list(dict.fromkeys(statements))
    shorts = desk.short_answers(draft.short_answers, draft.repeats)
    # Of several quotes the best one is the answer; all of them follow below it. A writer's sentences belong together.
    extracted = all(drafted.text is None for drafted in draft.statements)
    return Verified(
        compose(statements[:1] if extracted else statements, shorts),
        tuple(statements),
        tuple(desk.citations),
        tuple(short.text for short in shorts),
        tuple(desk.withheld),
        desk.disagreement(draft.disagreement),
    )


def find_quote(words: str, document: Document, within: Sequence[Span]) -> Match | None:
    """Where `words` stand in `document` inside one span of `within`, furniture left out; None where they do not.

    An exact find anywhere in `within` goes before a folded one; among equals the span that comes first in `within`
    (best-ranked passage first), then the earliest place. Offsets are those of the document's own text.
    """
    found = _search(words, document, _without_furniture(document, within))
    return found if isinstance(found, Match) else None


def compose(statements: Sequence[Statement], shorts: Sequence[ShortAnswer] = ()) -> str:
    """The answer in one string: the short answers with their markers, else the statements with theirs.

    >>> compose([], [ShortAnswer("37", (1, 2)), ShortAnswer("26", (3,))])
    '37 [1][2]; 26 [3]'
    """
    joint = "; " if shorts else " "
    # A list is printed whole; its items, which follow it among the short answers, are not printed again.
    whole = [
        short
        for place, short in enumerate(shorts)
        if not any(_is_item(short, before) for before in shorts[:place])
    ]
    said: Sequence[ShortAnswer | Statement] = whole or statements
    return joint.join(
        f"{' '.join(part.text.split())} {''.join(f'[{marker}]' for marker in part.citations)}"
        for part in said
    )


def _is_item(short: ShortAnswer, whole: ShortAnswer) -> bool:
    inside = re.search(rf"(?<!\w){re.escape(short.text)}(?!\w)", whole.text)
    return inside is not None and set(short.citations) <= set(whole.citations)


@dataclass
class _Desk:
    """One draft being checked: what was shown, what has been cited so far, what was withheld."""

    question: Question
    hits: Sequence[Hit]
    documents: Mapping[str, Document]
    citations: list[Citation] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    _folded: dict[str, Folded] = field(default_factory=dict)

    def shown(self, document: Document) -> list[Span]:
        """The document's passages that were shown, best first."""
        return [hit.passage.span for hit in self.hits if hit.passage.document_id == document.id]

    def evidence(self, drafted: DraftStatement) -> list[tuple[Document, Span]]:
        """The places of a statement's evidence that hold; the rest is withheld with its reason."""
        found: list[tuple[Document, Span]] = []
        for evidence in drafted.evidence:
            place = self.place(evidence)
            if isinstance(place, str):
                self.withhold(self.words_of(evidence), place)
            elif (place_in := (self.documents[evidence.document_id], place)) not in found:
                found.append(place_in)
        if not found and drafted.text is not None:
            self.withhold(drafted.text, "none of its evidence was found" if drafted.evidence else NO_EVIDENCE)
        return found

    def place(self, evidence: Evidence) -> Span | str:
        """The place that `evidence` points at, or the reason why there is none."""
        document = self.documents.get(evidence.document_id)
        if document is None or not (shown := self.shown(document)):
            return NOT_SHOWN
        if evidence.span is not None:
            return _checked(evidence.span, document, shown)
        words = evidence.words or ""
        found = _search(words, document, _without_furniture(document, shown))
        if isinstance(found, Match):
            return found.span
        return found or self.why_not(words, document, shown)

    def why_not(self, words: str, document: Document, shown: Sequence[Span]) -> str:
        """Which check failed for words that stand in no shown passage of `document`."""
        everything = [Span(0, len(document.text))]
        if not _needle(words):
            return NO_WORDS
        if isinstance(self.search_whole(words, document, _without_furniture(document, everything)), Match):
            return OUTSIDE_PASSAGES
        if isinstance(self.search_whole(words, document, everything), Match):
            return FURNITURE
        for other in self.documents.values():
            if other.id != document.id and isinstance(
                self.search_whole(words, other, _without_furniture(other, self.shown(other))), Match
            ):
                return f"found in another document than the one it names: {other.id}"
        if changed := _changed(words, document, _without_furniture(document, shown)):
            return changed
        if next(fold(self.question.text).find(fold(_needle(words)).text), None):
            return QUESTION_ONLY
        return NOT_FOUND

    def search_whole(self, words: str, document: Document, within: Sequence[Span]) -> Match | str | None:
        """`_search` with the folded text of a whole document kept for the next question about it."""
        if document.id not in self._folded:
            self._folded[document.id] = fold(document.text)
        return _search(words, document, within, self._folded[document.id])

    def words_of(self, evidence: Evidence) -> str:
        if evidence.span is None:
            return evidence.words or ""
        document = self.documents.get(evidence.document_id)
        if document is None or evidence.span.end > len(document.text):
            return f"{evidence.document_id} [{evidence.span.start}, {evidence.span.end})"
        return evidence.span.of(document.text)

    def withhold(self, text: str, reason: str) -> None:
        self.withheld.append(Withheld(text, reason))

    def is_cited(self, document: Document, span: Span) -> bool:
        return any(
            citation.quote.document_id == document.id and citation.quote.span == span
            for citation in self.citations
        )

    def cite(self, document: Document, span: Span) -> Citation:
        """The citation of this place, made at its first use."""
        for citation in self.citations:
            if citation.quote.document_id == document.id and citation.quote.span == span:
                return citation
        quote = Quote(document.id, span, span.of(document.text), document.page_at(span.start))
        citation = Citation(
            len(self.citations) + 1,
            quote,
            document.path,
            document.title,
            document.source,
            document.published,
            speaker_of(document, span),
        )
        self.citations.append(citation)
        return citation

    def quoted(self, document: Document, span: Span) -> Statement:
        citation = self.cite(document, span)
        return Statement(citation.quote.text, (citation.marker,), citation.speaker)

    def worded(self, drafted: DraftStatement, found: Sequence[tuple[Document, Span]]) -> Statement | None:
        """A writer's statement with its quotes; withheld where it names another speaker than its sources do."""
        speakers = {speaker for document, span in found if (speaker := speaker_of(document, span))}
        named = drafted.speaker
        if named and speakers and not any(same_person(named, speaker) for speaker in speakers):
            says = " and ".join(sorted(speakers))
            self.withhold(drafted.text or "", f"it names {named} as the speaker, the source has {says}")
            return None
        markers = tuple(self.cite(document, span).marker for document, span in found)
        return Statement(drafted.text or "", markers, speakers.pop() if len(speakers) == 1 else None)

    def short_answers(
        self, drafted: Sequence[Evidence], repeats: Sequence[Sequence[Evidence]] = ()
    ) -> list[ShortAnswer]:
        """Short answers that stand in a cited quote; the same words twice are one answer with both citations.

        `repeats` are other places of each: those that stand in a cited quote add its citation.
        """
        kept: dict[str, ShortAnswer] = {}
        for number, evidence in enumerate(drafted):
            others = repeats[number] if number < len(repeats) else ()
            if not self.citations:
                break
            found = self._short_answer(evidence)
            if found is None:
                self.withhold(self.words_of(evidence), NOT_IN_QUOTES)
                continue
            text, markers = found
            also = [marker for other in others if (place := self._short_answer(other)) for marker in place[1]]
            markers = (*markers, *also)
            alike = fold(text).text.casefold()
            before = kept.get(alike)
            kept[alike] = ShortAnswer(
                before.text if before else text,
                tuple(sorted({*(before.citations if before else ()), *markers})),
            )
        return list(kept.values())

    def disagreement(self, drafted: DraftDisagreement | None) -> Disagreement | None:
        """The values that stand in cited quotes, each with the citations that hold it; None where one or none is left."""
        if drafted is None:
            return None
        values: list[DisagreementValue] = []
        for places in drafted.values:
            found = [place for evidence in places if (place := self._short_answer(evidence))]
            if found:
                markers = sorted({marker for _, citations in found for marker in citations})
                values.append(DisagreementValue(found[0][0], tuple(markers)))
        return Disagreement(drafted.kind, tuple(values), drafted.note) if len(values) > 1 else None

    def _short_answer(self, evidence: Evidence) -> tuple[str, tuple[int, ...]] | None:
        document = self.documents.get(evidence.document_id)
        cited = [
            citation for citation in self.citations if citation.quote.document_id == evidence.document_id
        ]
        if document is None or not cited:
            return None
        quotes = [citation.quote.span for citation in cited]
        if evidence.span is not None:
            place = _checked(evidence.span, document, quotes)
        else:
            match = find_quote(evidence.words or "", document, quotes)
            place = match.span if match else ""
        if isinstance(place, str):
            return None
        return place.of(document.text), tuple(
            citation.marker for citation in cited if citation.quote.span.contains(place)
        )


def _checked(span: Span, document: Document, shown: Sequence[Span]) -> Span | str:
    """A place given as a span, trimmed of white space at its ends; or the reason why it cannot be quoted."""
    text = document.text
    if span.end > len(text):
        return OUTSIDE_DOCUMENT
    piece = span.of(text)
    start = span.start + len(piece) - len(piece.lstrip())
    span = Span(start, max(start, span.start + len(piece.rstrip())))
    if not _WORD.search(span.of(text)):
        return NO_WORDS
    if not any(passage.contains(span) for passage in shown):
        return OUTSIDE_PASSAGES
    if document.is_furniture(span):
        return FURNITURE
    return _cut(text, span) or span


def _search(
    words: str, document: Document, within: Sequence[Span], folded: Folded | None = None
) -> Match | str | None:
    """`find_quote` over spans free of furniture. A str is the reason why every place that was found is unusable."""
    needle, text = _needle(words), document.text
    reason: str | None = None
    if not needle:
        return NO_WORDS
    for space in within:
        for span in _exact(needle, text, space):
            reason = _cut(text, span)
            if reason is None:
                return Match(span, "exact")
    plain = fold(needle).text.strip()
    # A model often wraps its evidence in quotation marks of its own.
    unwrapped = plain[1:-1].strip() if len(plain) > 2 and plain[0] == plain[-1] == '"' else ""
    for wanted in filter(None, (plain, unwrapped)):
        for span in _folded_places(wanted, text, within, folded):
            cut = _cut(text, span)
            if cut is None:
                return Match(span, "folded")
            reason = cut
    return reason


def _folded_places(wanted: str, text: str, within: Sequence[Span], folded: Folded | None) -> Iterator[Span]:
    if folded is None:
        for space in within:
            for span in fold(space.of(text)).find(wanted):
                yield span.shifted(space.start)
        return
    for span in folded.find(wanted):
        if any(space.contains(span) for space in within):
            yield span


def _needle(words: str) -> str:
    """Words as they are looked for: NFC like every document, no white space at the ends; empty without any word."""
    needle = unicodedata.normalize("NFC", words).strip()
    return needle if _WORD.search(needle) else ""


def _exact(needle: str, text: str, space: Span) -> Iterator[Span]:
    at = text.find(needle, space.start, space.end)
    while at >= 0:
        yield Span(at, at + len(needle))
        following = _WORD.search(text, at + 1) if text[at : at + 1].isalnum() else None
        # Inside a word there is no usable start: go on after it, or a text of one letter would cost its square.
        onward = at + 1
        if following and following.start() == at + 1:
            onward = following.end()
        at = text.find(needle, onward, space.end)


def _without_furniture(document: Document, within: Sequence[Span]) -> list[Span]:
    """`within`, in its order, with furniture taken out of each span and everything cut to the text."""
    if not document.furniture:
        return [
            Span(min(space.start, len(document.text)), min(space.end, len(document.text))) for space in within
        ]
    free: list[Span] = []
    for space in within:
        start, end = space.start, min(space.end, len(document.text))
        for piece in document.furniture:
            if piece.start >= end:
                break
            if piece.end > start:
                if piece.start > start:
                    free.append(Span(start, piece.start))
                start = max(start, piece.end)
        if start < end:
            free.append(Span(start, end))
    return free


def _cut(text: str, span: Span) -> str | None:
    """The reason why a quote may not begin or end where `span` does; None where it may."""
    before = _NO_SPACE_BEFORE.sub("", text[max(0, span.start - _CONTEXT) : span.start])
    tail = text[span.end : span.end + _CONTEXT]
    invisible = _NO_SPACE_AFTER.match(tail)
    after = tail[invisible.end() :] if invisible else tail
    first, last = text[span.start], text[span.end - 1]
    if (
        _joined(before[-1:], first)
        or _joined(last, after[:1])
        or unicodedata.combining(tail[:1] or " ")
        or (first.isdigit() and _FIGURE_BEFORE.search(before))
        or (last.isdigit() and _FIGURE_AFTER.match(after))
        or (first.isalpha() and (_BROKEN_BEFORE.search(before) or _PREFIX_BEFORE.search(before)))
        or (last.isalpha() and _BROKEN_AFTER.match(after))
        or (last.isalpha() and re.match(r"['’]t\b", after))
    ):
        return CUTS_A_WORD
    negation = _NEGATION_BEFORE.search(before)
    numbered = first.isdigit() and negation is not None and negation.group().casefold().startswith("no ")
    if negation and not numbered and not ("\n" in negation["gap"] and first.isupper()):
        return LEAVES_OUT_NEGATION
    return None


def _joined(left: str, right: str) -> bool:
    """True where two neighbours belong to one word; scripts without spaces between words never join."""
    if not (left.isalnum() and right.isalnum()) or _UNSPACED.match(left) or _UNSPACED.match(right):
        return False
    # A footnote's ² after a word is not part of it; after a figure it is a power.
    return left.isdigit() or unicodedata.category(right) != "No"


def _changed(words: str, document: Document, within: Sequence[Span]) -> str | None:
    """The reason for words that were made from the source's: the nearest sentence, or that they are not together."""
    wanted = Counter(word.casefold() for word in _WORD.findall(fold(words).text.replace(BREAK, "")))
    best, nearest = 0.0, ""
    total = sum(wanted.values())
    for space in within:
        passage = space.of(document.text)
        for sentence in _SENTENCE.findall(passage):
            have = Counter(word.casefold() for word in _WORD.findall(sentence))
            share = sum((wanted & have).values()) / max(total, sum(have.values()), 1)
            if share > best:
                best, nearest = share, sentence.strip()
    if best >= _CHANGED_SHARE:
        return f"the words differ from the source, which has: {nearest}"
    for space in within:
        have = Counter(word.casefold() for word in _WORD.findall(space.of(document.text)))
        if total > 1 and not wanted - have:
            return NOT_TOGETHER
    return None
