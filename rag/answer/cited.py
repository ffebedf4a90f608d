"""What a statement cites, and whether its figures and names stand there: the checks that others build on."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from rag.answer.figures import Figure, figures, sums
from rag.answer.names import Grounds, metadata_texts, missing_name
from rag.types import Document, Span
from rag.words import words

_TOTAL = re.compile(
    r"\b(?:total|totals|altogether|combined|in all|sum|together|en total|suma|sumados)\b", re.IGNORECASE
)
PRONOUNS = frozenset(
    ("He", "She", "It", "They", "His", "Her", "Their", "Él", "Ella", "Ellos", "Ellas", "Su", "Sus")
)


@dataclass(frozen=True)
class Cited:
    """What a statement rests on: places of documents, and the passages of those documents that were shown."""

    places: Sequence[tuple[Document, Span]]
    shown: Mapping[str, Sequence[Span]]
    question: str

    @cached_property
    def quotes(self) -> list[str]:
        return [span.of(document.text) for document, span in self.places]

    @cached_property
    def documents(self) -> list[Document]:
        return list({document.id: document for document, _ in self.places}.values())

    @cached_property
    def figures(self) -> list[Figure]:
        return [figure for quote in self.quotes for figure in figures(quote)]

    @cached_property
    def dates(self) -> list[Figure]:
        """The days on which the cited documents were published, and figures of their titles and outlets."""
        known = [
            figure for each in self.documents for part in metadata_texts(each) for figure in figures(part)
        ]
        for document in self.documents:
            if document.published:
                day = dt.datetime.fromisoformat(document.published)
                known.append(Figure(Span(0, 0), "", "date", days=frozenset({(day.year, day.month, day.day)})))
        return known

    @cached_property
    def grounds(self) -> Grounds:
        near = [*self.quotes, self.question]
        for document in self.documents:
            near += metadata_texts(document)
        return Grounds(tuple(near), tuple(self.around))

    @cached_property
    def around(self) -> list[str]:
        return [
            span.of(document.text) for document in self.documents for span in self.shown.get(document.id, ())
        ]

    def of(self, document: Document) -> Cited:
        """The same for one of the documents alone."""
        mine = [place for place in self.places if place[0].id == document.id]
        return Cited(mine, self.shown, self.question)


def unsaid_figure(text: str, cited: Cited) -> str | None:
    """The reason where a figure, date, sum of money or percentage does not stand in the cited sentences."""
    computed: list[Figure] = []
    for each in sums(text):
        if not each.adds_up:
            return f"the sum with the total {each.total.text} does not add up"
        missing = _unsaid_part(each.parts, cited.figures)
        if missing:
            return f"the part {missing.text} of its sum is not in the cited sentences"
        computed.append(each.total)
    for figure in figures(text):
        if figure in computed or any(_same_value(figure, total) for total in computed):
            continue
        if figure.optional or any(figure.said_by(other) for other in cited.figures):
            continue
        if _loosely_said(figure, cited):
            continue
        if _TOTAL.search(text) and not computed and figure.kind in ("number", "money"):
            return f"the total {figure.text} is not in the cited sentences, and no sum shows its parts"
        return f"{_KINDS[figure.kind]} {figure.text} is not in the cited sentences"
    return None


_KINDS = {
    "number": "the figure",
    "money": "the sum of money",
    "percent": "the percentage",
    "measure": "the figure",
    "ordinal": "the figure",
    "fraction": "the share",
    "date": "the date",
    "time": "the time of day",
}


def _loosely_said(figure: Figure, cited: Cited) -> bool:
    """Dates known of the document, or in question and passage both; one for "a", two for "both"; "first" as a word."""
    if figure.kind == "date":
        return (
            any(figure.said_by(other) for other in cited.dates)
            or _completed_year(figure, cited)
            or _in_question_and_passage(figure, cited)
        )
    if figure.kind == "number" and figure.readings == {Fraction(1)}:
        return any(
            re.search(r"\b(?:an?|one|un|una|uno|single|sole|only|1)\b", quote, re.I) for quote in cited.quotes
        )
    if figure.kind == "number" and figure.readings == {Fraction(2)}:
        return any(re.search(r"\b(?:both|two|ambos|ambas|dos)\b", quote, re.I) for quote in cited.quotes)
    if figure.kind == "number" and any(figure.said_by(other) for other in cited.dates):
        return True  # the year of the document, a figure of its title
    if figure.kind == "number" and all(1000 <= each <= 2100 for each in figure.readings):
        return _in_question_and_passage(figure, cited)
    if figure.kind == "ordinal":
        return any(figure.text.casefold() in quote.casefold() for quote in cited.quotes)
    return False


def _completed_year(figure: Figure, cited: Cited) -> bool:
    """ "27 February 2025" for "February 27" in a document of 2025."""
    years = {year for other in cited.dates for year, _, _ in other.days if year}
    for year, month, day in figure.days:
        part = Figure(figure.span, figure.text, "date", days=frozenset({(None, month, day)}))
        dated = [other for other in cited.figures if other.kind == "date" and part.said_by(other)]
        if year in years and any(all(each[0] is None for each in other.days) for other in dated):
            return True
    return False


def _in_question_and_passage(figure: Figure, cited: Cited) -> bool:
    asked = any(figure.said_by(other) for other in figures(cited.question))
    return asked and any(figure.said_by(other) for text in cited.around for other in figures(text))


def _same_value(figure: Figure, total: Figure) -> bool:
    return figure.kind in ("number", "measure", total.kind) and bool(
        (figure.readings | figure.plain) & total.readings
    )


def _unsaid_part(parts: Sequence[Figure], said: Sequence[Figure]) -> Figure | None:
    """The first part that is said less often in the sources than it stands in the sum."""
    free = Counter(range(len(said)))
    for part in parts:
        index = next((at for at in free if part.said_by(said[at]) and free[at]), None)
        if index is None:
            return part
        free[index] -= 1
    return None


def unsaid_name(text: str, cited: Cited) -> str | None:
    """The reason where a capitalised name stands neither there, nor in the question, nor in the document's data."""
    missing = missing_name(text, cited.grounds)
    return f"the name {missing} is not in the cited sentences" if missing else None


def keys_of(texts: Sequence[str]) -> frozenset[str]:
    """The words of all texts, as `rag.words` compares them."""
    return frozenset(word.key for text in texts for word in words(text))
