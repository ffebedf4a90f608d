"""Whether a worded statement says what its cited sentences say. Rules first, in this order; the first that fails is the
reason for which the statement is withheld:

1. links and markup that no source has;
2. words in quotation marks stand in the cited sentences as they are;
3. explicit sums add up and their parts are quoted; then the total counts as said;
4. each figure, date, sum of money and percentage stands in the cited sentences (`rag.answer.figures`);
5. each capitalised name stands there, in the question, or in what is known of the document (`rag.answer.names`);
6. where several documents are cited, each part of the statement rests on one of them alone;
7. the speaker is the one that the source names (`rag.answer.attribution`);
8. no negation is lost or added, nothing turned into its opposite (`rag.answer.polarity`);
9. the support model agrees (`rag.answer.support`), where there is one.

The rules compare words, so they cannot know what a statement means: a claim that uses only words of its sources in
another relation ("Ruiz sued Quill" for "Quill sued Ruiz") is left to the ninth check.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from rag.answer import support
from rag.answer.attribution import attribution_of, same_person
from rag.answer.figures import Figure, figures, sums
from rag.answer.folding import fold
from rag.answer.names import Grounds, metadata_texts, missing_name
from rag.answer.polarity import negation_changed, opposite
from rag.types import Document, DraftStatement, Span
from rag.words import content_words, in_spanish, key, words

MAX_WORDS = 200  # of one statement; more is no statement but an essay

_MARKUP = re.compile(r"!?\[[^\]\n]*\]\s*\(|<\s*/?\s*[a-zA-Z!][^>\n]*>|\]\s*:\s*\S+://")
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.|(?:data|javascript|mailto|file):)[^\s)>\]\"”]*", re.IGNORECASE
)
_QUOTED = re.compile(r"[“\"«„]([^”\"»“«„]{2,})[”\"»“]|(?<!\w)[‘']([^’'\n]{12,}?)[’'](?!\w)")
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|…|\[\.\.\.\]|\[…\]|\(…\))\s*")
_PARTS = re.compile(
    r"(?<=[.!?])\s+(?=[A-ZÁÉÍÓÚÑ¿¡“\"])|;\s+|,?\s+(?:while|whereas|whilst|but|mientras(?: que)?|pero)\s+"
    r"|,\s+(?:and|y|e)\s+"
)
_TOTAL = re.compile(
    r"\b(?:total|totals|altogether|combined|in all|sum|together|en total|suma|sumados)\b", re.IGNORECASE
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


def check(
    statement: DraftStatement,
    places: Sequence[tuple[Document, Span]],
    *,
    question: str,
    shown: Mapping[str, Sequence[Span]],
) -> str | None:
    """The reason to withhold a worded statement, in plain words; None where nothing speaks against it.

    `places` are its cited sentences, already verified to be quotable; `shown` the passages by document id.
    """
    text = statement.text or ""
    cited = Cited(places, shown, question)
    if not words(text):
        return "it has no words"
    if len(words(text)) > MAX_WORDS:
        return f"it is longer than {MAX_WORDS} words"
    return (
        _active(text, cited)
        or _misquoted(text, cited)
        or _figure(text, cited)
        or _name(text, cited)
        or _merged(text, cited)
        or _speaker(statement, cited)
        or _negation(text, cited)
        or _unrelated(text, cited)
        or _support(text, cited)
    )


def _active(text: str, cited: Cited) -> str | None:
    if _MARKUP.search(text):
        return "it holds markup"
    for link in _LINK.finditer(text):
        if not any(link.group() in quote for quote in cited.quotes):
            return "it holds a link that its sources do not have"
    return None


def _misquoted(text: str, cited: Cited) -> str | None:
    """Words in quotation marks are a promise: they stand in a cited sentence, or are the title of a cited document."""
    allowed = [_loose(part) for part in (*cited.quotes, *cited.grounds.near)]
    for match in _QUOTED.finditer(text):
        for piece in _ELLIPSIS.split(match[1] or match[2]):
            wanted = _loose(piece).strip(" .,;:!?")
            title = all(word.capital for word in content_words(piece))  # of a film, a paper: a name
            texts = [*allowed, *map(_loose, cited.around)] if title else allowed
            if wanted and not any(wanted in part for part in texts):
                return f"it puts “{piece}” in quotation marks, which its sources do not say so"
    return None


def _loose(text: str) -> str:
    return fold(text).text.casefold()


def _figure(text: str, cited: Cited) -> str | None:
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
    """Dates known of the document, or in question and passage both; one thing for "a thing"; "first" as a mere word."""
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


def _name(text: str, cited: Cited) -> str | None:
    missing = missing_name(text, cited.grounds)
    return f"the name {missing} is not in the cited sentences" if missing else None


def _merged(text: str, cited: Cited) -> str | None:
    """Each part of the statement needs one document that has all of it: its figures, its names, most of its words."""
    if len(cited.documents) < 2:
        return None
    alone = [cited.of(document) for document in cited.documents]
    totals = sums(text)
    for start, part in _parts(text):
        if any(start <= each.total.span.start < start + len(part) for each in totals):
            continue  # a sum is of several documents, and was checked with its parts
        if all(_lacks(part, one, cited) for one in alone):
            if _listed_figures(part, cited) or _two_clauses(part, alone, cited):
                continue
            return f"it joins what no single source says together: “{part.strip()}”"
    return None


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Clauses with a subject of their own. "… and resigned" belongs to the subject before it, so it is no part."""
    start = 0
    for match in _PARTS.finditer(text):
        if _own_subject(text[match.end() :]):
            yield start, text[start : match.start()]
            start = match.end()
    yield start, text[start:]


def _own_subject(clause: str) -> bool:
    first = re.match(r"[\W_]*(\w+)", clause)
    return (
        first is not None
        and first[1] not in _PRONOUNS
        and (first[1][0].isupper() or first[1][0].isdigit() or first[1].casefold() in _DETERMINERS)
    )


def _two_clauses(part: str, alone: Sequence[Cited], cited: Cited) -> bool:
    """ "The Aurora carried 37 barrels and the Borea carried 26": two clauses without a comma, each with its source."""
    for match in re.finditer(r"\s(?:and|y|e)\s", part):
        halves = part[: match.start()], part[match.end() :]
        if all(
            _own_subject(half)
            and any(not word.capital and not word.number for word in content_words(half))
            and any(not _lacks(half, one, cited, most=True) for one in alone)
            for half in halves
        ):
            return True
    return False


def _lacks(part: str, one: Cited, cited: Cited, *, most: bool = False) -> str | None:
    return _figure(part, one) or _name(part, one) or _elsewhere(part, one, cited, most=most)


_DETERMINERS = frozenset(
    (
        "the",
        "a",
        "an",
        "another",
        "two",
        "three",
        "some",
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "otro",
        "otra",
        "dos",
        "tres",
    )
)


def _listed_figures(part: str, cited: Cited) -> bool:
    """ "29, 26 and 37 men": a list of figures, one from each document, each of which has the words around it."""
    found = figures(part)
    if len(found) < 2 or any(
        not re.fullmatch(r"(?:,|;|,?\s(?:and|or|y|o)|\s\+)\s", part[one.span.end : other.span.start])
        for one, other in pairwise(found)
    ):
        return False
    without = part[: found[0].span.start] + part[found[-1].span.end :]
    return all(
        _elsewhere(without, cited.of(document), cited) is None and not _name(without, cited.of(document))
        for document in cited.documents
    )


def _elsewhere(part: str, one: Cited, everything: Cited, *, most: bool = False) -> str | None:
    """A reason where half of the part's plain words (`most`: more than half) are another document's, not this one's."""
    mine = _keys(one.quotes)
    others = _keys(everything.quotes)
    asked = _keys([everything.question])
    told = {word.key for word in content_words(part) if not word.capital and not word.number}
    absent = {word for word in told - mine - asked if word in others}
    share = len(absent) / max(1, len(told - asked))
    return "its words are another document's" if share > 0.5 or (share == 0.5 and not most) else None


def _keys(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(word.key for text in texts for word in words(text))


def _speaker(statement: DraftStatement, cited: Cited) -> str | None:
    """The speaker that the statement names, in its field and in its words, against those that the sources name."""
    text = statement.text or ""
    found = [
        attribution.speaker
        for document, span in _spoken(text, cited)
        if (attribution := attribution_of(document, span))
    ]
    own = _own_speaker(text)
    for named in filter(None, (statement.speaker, own)):
        if found and not any(same_person(named, speaker) for speaker in found):
            outlets = [each.source for each in cited.documents if each.source]
            if any(same_person(named, outlet) for outlet in outlets):
                continue  # "The Example Post reported …": the outlet did
            return f"it names {named} as the speaker, the source has {' and '.join(sorted(set(found)))}"
        if not found and not _is_named(named, cited):
            return f"it names {named} as the speaker, whom the source does not name"
    return None


def _spoken(text: str, cited: Cited) -> Iterator[tuple[Document, Span]]:
    """The cited places; where the statement quotes words, the places of those words."""
    quoted = [match[1] or match[2] for match in _QUOTED.finditer(text)]
    for document, span in cited.places:
        inside = [
            place.shifted(span.start)
            for piece in quoted
            for place in fold(span.of(document.text)).find(fold(piece).text.strip(" .,;:!?"))
        ]
        for place in inside or ([] if quoted and len(cited.places) > 1 else [span]):
            yield document, place


def _own_speaker(text: str) -> str | None:
    """Whom the statement itself names as the speaker of all it says."""
    own = Document("statement", fold_lines(text), "0" * 64, "text/plain", "statement")
    found = attribution_of(own, Span(0, len(own.text)))
    return found.speaker if found and found.speaker[:1].isupper() and found.speaker not in _PRONOUNS else None


_PRONOUNS = frozenset(
    ("He", "She", "It", "They", "His", "Her", "Their", "Él", "Ella", "Ellos", "Ellas", "Su", "Sus")
)


def fold_lines(text: str) -> str:
    """One line, NFC, without NUL: what a `Document` may hold."""
    return unicodedata.normalize("NFC", " ".join(text.replace("\x00", " ").split()))


def _is_named(named: str, cited: Cited) -> bool:
    wanted = {word.key for word in content_words(named)} or {key(named)}
    texts = [*cited.around, *cited.grounds.near]
    return wanted <= _keys(texts)


def _negation(text: str, cited: Cited) -> str | None:
    spanish = in_spanish(text)
    alike = all(
        _spanish(document, quote) == spanish
        for (document, _), quote in zip(cited.places, cited.quotes, strict=True)
    )
    changed = negation_changed(text, cited.quotes, same_language=alike)
    return changed or (opposite(text, cited.quotes) if alike else None)


def _spanish(document: Document, quote: str) -> bool:
    if document.language in ("en", "es"):
        return document.language == "es"
    return in_spanish(quote)


def _unrelated(text: str, cited: Cited) -> str | None:
    """A statement of several content words, none of which its sources have, in their own language."""
    told = {word.key for word in content_words(text)}
    same = all(
        _spanish(document, quote) == in_spanish(text)
        for (document, _), quote in zip(cited.places, cited.quotes, strict=True)
    )
    if (
        same
        and len(told) >= 3
        and not told
        & _keys([*cited.quotes, *(part for each in cited.documents for part in metadata_texts(each))])
    ):
        return "it shares no word with the sentences that it cites"
    return None


def _support(text: str, cited: Cited) -> str | None:
    (probability,) = support.support([(text, "\n".join(cited.quotes))])
    if probability is not None and probability < support.THRESHOLD:
        return f"the cited sentences do not seem to say this (support {probability:.2f})"
    return None
