"""A draft goes in; what can be shown comes out: quotes cut from the documents, and what was withheld and why.

This is the only module that makes a `Quote`, and it makes one by cutting `document.text[start:end]`. What an answerer
says stands in a document is only ever used to find a place; its own string is never printed as a quote. There is no
measure of likeness and no threshold: words are found, exactly or after `rag.answer.folding`, or they are withheld.

A place is accepted when it lies inside one passage that was shown, outside furniture, and
- does not cut a word or a figure in two ("7 prisoners" out of "37 prisoners", "lawful" out of "unlawful"),
- does not begin right after a negation ("approved it" out of "has not approved it").

A statement in words of the answerer's own is shown only with evidence that is accepted, and if `rag.answer.checks`
finds nothing in it that this evidence does not say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.answer.attribution import speaker_of
from rag.answer.checks import check
from rag.answer.finding import (
    FURNITURE,
    NO_EVIDENCE,
    NO_WORDS,
    NOT_FOUND,
    NOT_SHOWN,
    OUTSIDE_PASSAGES,
    QUESTION_ONLY,
    Match,
    altered,
    checked,
    find_quote,
    plain_needle,
    search,
    without_furniture,
)
from rag.answer.folding import Folded, fold
from rag.answer.relative_dates import resolve_at
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
    Resolved,
    Span,
    Statement,
    Withheld,
)

NOT_IN_QUOTES = "the short answer does not stand in any quote of the answer"


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """A slice of a cited quote that answers by itself, and the citations that hold it.

    `date` is the day that it names by counting from the document's date, where every place of it gives the same.
    """

    text: str
    citations: tuple[int, ...]
    date: Resolved | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What survived. Citations are numbered 1..n by first use; no citations means there is no answer to show.

    `text` is the whole answer in one string with its markers; `short_answers` are slices of cited quotes, and
    `short_answer_dates` as in `rag.types.Answer`.
    """

    text: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    short_answers: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    disagreement: Disagreement | None = None
    short_answer_dates: tuple[Resolved | None, ...] = ()


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
    A worded statement needs evidence that is found, and has to say what that evidence says.
    """
    desk = Desk(question, hits, documents, max_quotes)
    for drafted in draft.statements:
        desk.add(drafted)
    return desk.verified(draft)


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
class Desk:
    """One draft being checked, statement by statement, as it grows. `verify` is all of it at once.

    `statements`, `citations` and `withheld` hold what was decided so far; nothing of them is taken back later.
    """

    question: Question
    hits: Sequence[Hit]
    documents: Mapping[str, Document]
    max_quotes: int | None = None
    added: int = 0  # drafted statements so far
    statements: list[Statement] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    _worded: bool = False
    _folded: dict[str, Folded] = field(default_factory=dict)

    def add(self, drafted: DraftStatement) -> list[Statement]:
        """Check one more statement; gives back what can be shown of it, in order, without what was there already."""
        self.added += 1
        new: list[Statement] = []
        if drafted.text is not None:
            self._worded = True
            statement = self.worded(drafted)
            new += [statement] if statement else []
        else:
            for document, span in self.evidence(drafted):
                full = self.max_quotes is not None and len(self.statements) + len(new) >= self.max_quotes
                if not full or self.is_cited(document, span):
                    new.append(self.quoted(document, span))
        new = [statement for statement in dict.fromkeys(new) if statement not in self.statements]
        self.statements += new
        return new

    def verified(self, draft: Draft) -> Verified:
        """The whole of it, with what the draft's short answers and disagreement have in the quotes that are cited."""
        shorts = self.short_answers(draft.short_answers, draft.repeats)
        # Of several quotes the best one is the answer; all of them follow below it. A writer's sentences belong together.
        text = compose(self.statements) if self._worded else compose(self.statements[:1], shorts)
        return Verified(
            text,
            tuple(self.statements),
            tuple(self.citations),
            tuple(short.text for short in shorts),
            tuple(self.withheld),
            self.disagreement(draft.disagreement),
            tuple(short.date for short in shorts),
        )

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
        return found

    def place(self, evidence: Evidence) -> Span | str:
        """The place that `evidence` points at, or the reason why there is none."""
        document = self.documents.get(evidence.document_id)
        if document is None or not (shown := self.shown(document)):
            return NOT_SHOWN
        if evidence.span is not None:
            return checked(evidence.span, document, shown)
        words = evidence.words or ""
        found = search(words, document, without_furniture(document, shown))
        if isinstance(found, Match):
            return found.span
        return found or self.why_not(words, document, shown)

    def why_not(self, words: str, document: Document, shown: Sequence[Span]) -> str:
        """Which check failed for words that stand in no shown passage of `document`."""
        everything = [Span(0, len(document.text))]
        if not plain_needle(words):
            return NO_WORDS
        if isinstance(self.search_whole(words, document, without_furniture(document, everything)), Match):
            return OUTSIDE_PASSAGES
        if isinstance(self.search_whole(words, document, everything), Match):
            return FURNITURE
        for other in self.documents.values():
            if other.id != document.id and isinstance(
                self.search_whole(words, other, without_furniture(other, self.shown(other))), Match
            ):
                return f"found in another document than the one it names: {other.id}"
        if changed := altered(words, document, without_furniture(document, shown)):
            return changed
        if next(fold(self.question.text).find(fold(plain_needle(words)).text), None):
            return QUESTION_ONLY
        return NOT_FOUND

    def search_whole(self, words: str, document: Document, within: Sequence[Span]) -> Match | str | None:
        """`search` with the folded text of a whole document kept for the next question about it."""
        if document.id not in self._folded:
            self._folded[document.id] = fold(document.text)
        return search(words, document, within, self._folded[document.id])

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

    def worded(self, drafted: DraftStatement) -> Statement | None:
        """A writer's statement with the quotes that hold; withheld where they do not carry all that it says."""
        text = drafted.text or ""
        places = self.evidence(drafted)
        reason = drafted.problem or ("none of its evidence was found" if drafted.evidence else NO_EVIDENCE)
        if places and not drafted.problem:
            shown = {document.id: self.shown(document) for document, _ in places}
            reason = check(drafted, places, question=self.question.text, shown=shown) or ""
        if reason:
            self.withhold(text, reason)
            return None
        speakers = {speaker for document, span in places if (speaker := speaker_of(document, span))}
        markers = tuple(self.cite(document, span).marker for document, span in places)
        return Statement(text, markers, speakers.pop() if len(speakers) == 1 else None)

    def short_answers(
        self, drafted: Sequence[Evidence], repeats: Sequence[Sequence[Evidence]] = ()
    ) -> list[ShortAnswer]:
        """Short answers that stand in a cited quote; the same words twice are one answer with both citations.

        `repeats` are other places of each: those that stand in a cited quote add its citation.
        """
        kept: dict[str, ShortAnswer] = {}
        dates: dict[str, list[Resolved | None]] = {}
        for number, evidence in enumerate(drafted):
            others = repeats[number] if number < len(repeats) else ()
            if not self.citations:
                break
            place = self._short_answer(evidence)
            if place is None:
                if not self._worded:  # else it belongs to a statement that was withheld
                    self.withhold(self.words_of(evidence), NOT_IN_QUOTES)
                continue
            repeated = [found for other in others if (found := self._short_answer(other))]
            markers = (*place.citations, *(marker for found in repeated for marker in found.citations))
            alike = fold(place.text).text.casefold()
            dates.setdefault(alike, []).append(resolve_at(place.document, place.span))
            for found in repeated:
                date = resolve_at(found.document, found.span)
                # Other words may be "14 May 2024", which need no date of their document.
                if date or fold(found.text).text.casefold() == alike:
                    dates[alike].append(date)
            before = kept.get(alike)
            kept[alike] = ShortAnswer(
                before.text if before else place.text,
                tuple(sorted({*(before.citations if before else ()), *markers})),
                _common(dates[alike]),
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
                markers = sorted({marker for place in found for marker in place.citations})
                values.append(DisagreementValue(found[0].text, tuple(markers)))
        return Disagreement(drafted.kind, tuple(values), drafted.note) if len(values) > 1 else None

    def _short_answer(self, evidence: Evidence) -> _Place | None:
        document = self.documents.get(evidence.document_id)
        cited = [
            citation for citation in self.citations if citation.quote.document_id == evidence.document_id
        ]
        if document is None or not cited:
            return None
        quotes = [citation.quote.span for citation in cited]
        if evidence.span is not None:
            place = checked(evidence.span, document, quotes)
        else:
            match = find_quote(evidence.words or "", document, quotes)
            place = match.span if match else ""
        if isinstance(place, str):
            return None
        markers = tuple(citation.marker for citation in cited if citation.quote.span.contains(place))
        return _Place(document, place, markers)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a short answer stands, and the citations whose quotes hold it."""

    document: Document
    span: Span
    citations: tuple[int, ...]

    @property
    def text(self) -> str:
        return self.span.of(self.document.text)


def _common(dates: Sequence[Resolved | None]) -> Resolved | None:
    """The first, where all of them name the same days: "Tuesday" in papers of two weeks is not one day."""
    first = dates[0]
    same = all(each and first and (each.first, each.last) == (first.first, first.last) for each in dates)
    return first if same else None
