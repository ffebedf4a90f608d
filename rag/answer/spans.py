"""The short answer inside one sentence, and what the question wants it to be.

The network points at words; here they are held against the form that the question asks for. "How many" is answered by
a figure, "who" by a name and not by "he", and no question by its own words: then the network's next best words that
have the form are taken, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.answer import short
from rag.answer.features import is_label
from rag.answer.quotations import parse_window
from rag.answer.ranked import Ranked
from rag.answer.scope import Scope, clause
from rag.answer.short import Kind
from rag.answer.speech import PAST_OR_PRESENT, subject_after, subject_before
from rag.answer.values import Value, dates_in, undated, value_of
from rag.types import Span
from rag.words import alike, words

# Least span score, in log-odds against no answer, at which the network's span is the short answer. Low, because whether
# to answer at all has been decided before: of 66 questions on news pages 47 have a right one with it, 43 with -2.
SURE_SPAN = -7.0
CERTAIN = 2.0  # from this score on the network's words are believed to be a figure, whatever they look like
SURE_ENOUGH = 0.6  # least score of `short.best_span`, which is asked where the network is not sure
MAX_NAME = 60  # characters; a name is not completed beyond this

_FIGURES: frozenset[Kind] = frozenset({"number", "money", "percent", "duration"})
_AMOUNTS: tuple[Kind, ...] = ("money", "percent")
_HOW_MUCH = re.compile(r"\bhow much\b|\bcuánt[oa]\b", re.IGNORECASE)
FRACTION = re.compile(
    r"\b(?:a|one|two|three|un|dos|tres)[ -](?:thirds?|quarters?|fifths?|tercios?|cuartos?|quintos?)\b"
    r"|\b(?:about |nearly |almost |over |more than )?half\b|\b(?:la )?mitad\b",
    re.IGNORECASE,
)
_MEASURES: tuple[Kind, ...] = ("duration", "percent", "money")
NO_FIGURE = re.compile(
    r"\b(?:no|none|nobody|zero|nothing|single|several|dozens|hundreds|thousands|half|once|twice|both|all|a few|few|"
    r"ninguno|ninguna|nadie|varios|varias|algunos|docenas|cientos|miles)\b",
    re.IGNORECASE,
)
_PRONOUNS = frozenset(
    """he she it they him her them his their its who whom this that these those we us i you me my our your himself
    herself itself themselves one él ella ellos ellas lo la le les se quien este esta eso""".split()  # noqa: SIM905
)
_COMPARED = re.compile(r"\s+(?:fewer|more|less|greater|higher|lower|larger|smaller)\s+than\b|\s+times\b")
_AGAINST = re.compile(
    r"[,;]?\s+\(?(?:(?:as )?(?:against|compared (?:with|to)|versus|vs\.?)|(?:up|down) from|frente al?)\s+"
    r"(?=(?:only |just |some |about |sólo |solo )?[$€£]?\d)",
    re.IGNORECASE,
)
_AGE = re.compile(r"\bhow old\b|\bage\b|\bqué edad\b|\bcuántos años tiene", re.IGNORECASE)
_OLD = re.compile(r"\b(?:old|aged?|years?|born|años|edad)\b|,\s*\d{2}\s*,", re.IGNORECASE)
_MEASURE = re.compile(
    r"\b(?:how many|cuánt[oa]s) (kilo\w*|tons?|tonnes?|toneladas?|dollars?|euros?|pesos|pounds|kilomet\w*|kilómetros|"
    r"miles|met(?:re|er)s|metros|lit(?:re|er)s|litros|degrees|grados|acres|hectares|hectáreas)\b",
    re.IGNORECASE,
)
_WHICH_ONE = re.compile(r"\b(?:which|what) [A-Z]|\b(?:full|first|real|last|middle) name\b")
_PUBLISHED = re.compile(r"\b(?:publish\w*|written|posted|dated?|sent|public\w*)\b", re.IGNORECASE)
_WHEN = re.compile(
    r"(?:^|\b)(?:since|after|before|when|while|during|until|once|as soon as|desde|tras|antes de|durante|cuando|hasta)"
    r"(?:\s+\w+){0,2}\s*$|^(?:since|after|before|when|while|during|until|desde|tras|cuando)\b",
    re.IGNORECASE,
)
_LENGTHS = re.compile(
    r"\bhow long (?:is|was|are) (?:the|a|its|their)\b(?!.*\b(?:sentence|trial|war|visit|talks|ban|term|delay|wait)\b)",
    re.IGNORECASE,
)
_EXTENT = re.compile(
    r"[\s-]*(?:kilomet\w+|km|miles?|met(?:re|er)s?|m|feet|foot|ft|inch(?:es)?|centimet\w+|cm|yards?|blocks?|pages?|words?|lines|"
    r"kilómetros?|metros?|millas?|centímetros?|páginas?|palabras|minut[eo]s?|hours?|horas?|seconds?|segundos)\b",
    re.IGNORECASE,
)
_PLURAL = r"(?:\w{2,}(?<!s|i|u)s|people|men|women|children)"
_SEVERAL = re.compile(
    rf"^\W*(?:name|list|give|enumerate)\b.*\b{_PLURAL}\b"
    r"|\b(?:which|what) (?:two|three|four|five|six|seven|eight|nine|ten|several|other|\d{1,2}) "
    rf"|\bwho (?:were|are) |\bwhat (?:were|are) the (?:[\w-]+ ){{0,3}}{_PLURAL}\b"
    rf"|\b(?:which|what) (?:[\w-]+ ){{0,2}}{_PLURAL} (?:were|are|have|does|did|do|\w+ed)\b"
    r"|\b(?:quiénes|cuáles)\b|\bqué (?:dos|tres|cuatro|cinco)\b",
    re.IGNORECASE,
)
_BETWEEN_ITEMS = re.compile(
    r"\s*[,;]\s*(?:and|or|as well as|y|e|o)\s+|\s*[,;]\s+|\s+(?:and|as well as|y|e)\s+"
)
_LOOSE_BEFORE = re.compile(r"[\s,;:.!?)\]–—]+")
_LOOSE_AFTER = re.compile(r"(?:[\s,;:!?(\[–—]|(?<!\.\w)\.)+$")  # the point of "U.S." stays
_PAIRS = (("“", "”"), ("(", ")"), ("[", "]"), ("«", "»"), ('"', '"'))


@dataclass(frozen=True)
class Found:
    """The short answer of one candidate sentence. `score`: the network's, in log-odds; the rules' are below them all."""

    index: int
    span: Span
    text: str
    value: Value
    score: float


def found_in(ranked: Ranked, index: int, asked: Scope) -> Found | None:
    """The short answer of the candidate at `index`; None where it holds nothing that has the form asked for."""
    one = ranked.candidates[index]
    part = clause(asked, one.text) or Span(0, len(one.text))
    within = part.shifted(one.span.start)
    best = ranked.best_in(index, within)
    if best is None or best[1] < SURE_SPAN:
        ruled = short.best_span(ranked.asked.text, part.of(one.text))
        if ruled is None or ruled[1] < SURE_ENOUGH:
            return None
        return _found(ranked, index, ruled[0].shifted(within.start), SURE_SPAN - 1.0 + ruled[1])
    shaped = _shaped(ranked, index, within, *best)
    return None if shaped is None else _found(ranked, index, *shaped)


def has_form(ranked: Ranked, index: int) -> bool:
    """False where a sentence cannot give what the question asks for.

    It has no figure, nor a word that stands for one; its only date is that of a dateline or of a mail's header; all
    that it has to answer "who" or "where" are the question's own words.
    """
    kind, one = ranked.asked.kind, ranked.candidates[index]
    if kind in _FIGURES:
        return bool(_expressions(ranked, one.text)) or (
            not _measured(ranked) and NO_FIGURE.search(one.text) is not None
        )
    if kind == "date":
        return _may_date(ranked, index)
    if kind in ("person", "place") and ranked.readings and ranked.span_score(index) >= SURE_SPAN:
        span = ranked.spans[index]
        if span is None or _is_pronoun(span.shifted(-one.span.start).of(one.text)):
            return True  # "He" is somebody, named before
        return _shaped(ranked, index, one.span, span, ranked.span_score(index)) is not None
    return True


def asks_several(question: str) -> bool:
    """ "Which two rivers …?", "Who were …?", "Name the …": the answer is a list."""
    return _SEVERAL.search(question) is not None


def _may_date(ranked: Ranked, index: int) -> bool:
    """False for a dateline and a mail's header, which say when something was published and nothing else."""
    one = ranked.candidates[index]
    if _PUBLISHED.search(ranked.asked.text):
        return True
    return not is_label(one)


def items_of(span: Span, text: str) -> list[Span]:
    """The parts of "the Colorado, the Bravo and the Sonora", at most eight; empty where `text` is no list.

    `span` is the place of `text` in the document. A part of more than eight words is a clause, not an item.
    """
    ends = [(match.start(), match.end()) for match in _BETWEEN_ITEMS.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    parts = [Span(start, stop) for start, stop in zip(starts, stops, strict=True) if stop > start]
    told = [words(part.of(text)) for part in parts]
    if not 2 <= len(parts) <= 8 or any(not 1 <= len(part) <= 8 for part in told):
        return []
    if any(all(word.stop for word in part) for part in told):
        return []
    return [trimmed(part.shifted(span.start), text, span.start) for part in parts]


def trimmed(span: Span, text: str, offset: int = 0) -> Span:
    """The span without loose punctuation at its ends and without half of a pair of brackets or quotation marks.

    `span` counts from `offset`, where `text` begins.
    """
    start, end = span.start - offset, span.end - offset
    while True:
        opening = _LOOSE_BEFORE.match(text, start, end)
        new_start = opening.end() if opening else start
        closing = _LOOSE_AFTER.search(text[new_start:end])
        new_end = end - (len(closing[0]) if closing else 0)
        inner = text[new_start:new_end]
        for left, right in _PAIRS:
            if inner.startswith(left) and right not in inner[1:]:
                new_start += 1
            elif inner.endswith(right) and left not in inner[:-1]:
                new_end -= 1
            else:
                continue
            break
        if new_start >= new_end:
            return span
        if (new_start, new_end) == (start, end):
            return Span(start + offset, end + offset)
        start, end = new_start, new_end


def spoken(span: Span, text: str) -> Span:
    """The words of a quotation without the "he asked in a video" behind it. `span` counts from the text's beginning."""
    for quotation in parse_window(text).quotations:
        if not quotation.start <= span.start < quotation.end - 1 < span.end:
            continue
        rest = text[quotation.end : span.end]
        verb = PAST_OR_PRESENT.search(rest)
        if verb and (subject_before(rest, verb.start()) or subject_after(rest, verb.end())):
            return Span(span.start, quotation.end - 1)
    return span


def first_figure(span: Span, text: str) -> Span:
    """ "12,035 encounters, against 179,737" without what the figure is compared with. `span` as in `spoken`."""
    compared = _AGAINST.search(text, span.start, span.end)
    if compared is None:
        return span
    kept = Span(span.start, compared.start())
    told = kept.of(text)
    # "The 2024 total, compared with 40" has no other figure.
    return kept if undated(told, dates_in(told)) else span


def _found(ranked: Ranked, index: int, span: Span, score: float) -> Found:
    one = ranked.candidates[index]
    span = spoken(span.shifted(-one.span.start), one.text)
    if ranked.asked.kind in _FIGURES:
        span = first_figure(span, one.text)
    span = span.shifted(one.span.start)
    span = trimmed(span, one.text, one.span.start)
    span = _whole_name(span, one.text, one.span.start)
    text = span.shifted(-one.span.start).of(one.text)
    return Found(index, span, text, value_of(text), score)


def _shaped(ranked: Ranked, index: int, within: Span, span: Span, score: float) -> tuple[Span, float] | None:
    """The network's span where it has the form asked for, else its best one that has, else None."""
    one, kind = ranked.candidates[index], ranked.asked.kind
    at = one.span.start
    place = span.shifted(-at)
    if kind == "date" and not _may_date(ranked, index):
        return None
    if kind in _FIGURES or kind == "date":
        forms = [form.shifted(at) for form in _expressions(ranked, one.text)]
        forms = [form for form in forms if within.contains(form)]
        other = _is_share(ranked, one.text, place) or _is_count(ranked, one.text, place)
        certain = kind in _FIGURES and score >= CERTAIN and not other
        if certain or any(form.overlaps(span) for form in forms):
            return span, score
        if best := _best_of(ranked, index, forms, whole=True):
            return best
        words_before = one.text[: place.start]
        if kind == "date" and (_WHEN.search(words_before) or _WHEN.match(place.of(one.text))):
            return span, score  # "since López Obrador took office"
        if kind != "date" and NO_FIGURE.search(place.of(one.text)):
            return span, score
        return None
    if not _says_nothing(ranked, place.of(one.text)):
        return span, score
    forms = [form.shifted(at) for form in short.new_expressions(kind, one.text, ranked.asked.key_set)]
    forms = [form for form in forms if within.contains(form) and not form.overlaps(span)]
    pieces = [Span(within.start, span.start), Span(span.end, within.end)]
    if best := _best_of(ranked, index, forms, whole=True):
        return best
    best = _best_of(ranked, index, pieces)
    return None if best is None or _says_nothing(ranked, best[0].shifted(-at).of(one.text)) else best


def _expressions(ranked: Ranked, text: str) -> list[Span]:
    kind, asked = ranked.asked.kind, ranked.asked.key_set
    found = short.new_expressions(kind, text, asked)
    if kind in _FIGURES:
        found = [span for span in found if not _COMPARED.match(text, span.end)]
    if kind == "number" and _HOW_MUCH.search(
        ranked.asked.text
    ):  # "about $2 million", "a third", "30% to 40%"
        found += [span for amount in _AMOUNTS for span in short.new_expressions(amount, text, asked)]
        found += [Span(*match.span()) for match in FRACTION.finditer(text)]
    elif kind == "number":  # "fifteen years" and "30 per cent" are no number of people
        others = [span for measure in _MEASURES for span in short.expressions(measure, text)]
        asks = [span for measure in _MEASURES for span in short.expressions(measure, ranked.asked.text)]
        found = [span for span in found if asks or not any(other.contains(span) for other in others)]
    if _AGE.search(ranked.asked.text):
        found = [span for span in found if _OLD.search(text[max(0, span.start - 20) : span.end + 20])]
    if measure := _measured(ranked):
        key = words(measure)[0].key
        found = [
            span
            for span in found
            if any(alike(word.key, key) for word in words(text[span.start : span.end + 30])[:8])
        ]
    if not found and kind in ("money", "percent"):
        found = short.new_expressions("number", text, asked)
    if not found and kind == "duration" and _is_length(ranked):
        found = [
            Span(span.start, extent.end())
            for span in short.new_expressions("number", text, asked)
            if (extent := _EXTENT.match(text, span.end))
        ]
    return found


def _is_share(ranked: Ranked, text: str, span: Span) -> bool:
    """Whether the span is a percentage where the question asks how many."""
    asked = ranked.asked
    if asked.kind != "number" or _HOW_MUCH.search(asked.text) or short.expressions("percent", asked.text):
        return False
    return any(share.overlaps(span) for share in short.expressions("percent", text))


def _is_count(ranked: Ranked, text: str, span: Span) -> bool:
    """Whether the span is a figure without a measure of length where the question asks how long something is."""
    return _is_length(ranked) and any(
        span.overlaps(figure) and not _EXTENT.match(text, figure.end)
        for figure in short.expressions("number", text)
    )


def _measured(ranked: Ranked) -> str:
    """The measure in which the question wants its figure ("How many kilos …"); empty where it names none."""
    found = _MEASURE.search(ranked.asked.text)
    return found[1] if found else ""


def _is_length(ranked: Ranked) -> bool:
    return _LENGTHS.search(ranked.asked.text) is not None


def _best_of(
    ranked: Ranked, index: int, places: list[Span], *, whole: bool = False
) -> tuple[Span, float] | None:
    """The network's best span inside one of `places`; taken `whole`, the best place itself, however sure it is."""
    best: tuple[Span, float] | None = None
    for place in places:
        found = ranked.best_in(index, place)
        if found is None or (found[1] < SURE_SPAN and not whole):
            continue
        if best is None or found[1] > best[1]:
            best = (place, found[1]) if whole else found
    return best


def _is_pronoun(text: str) -> bool:
    return all(word.text.casefold() in _PRONOUNS for word in words(text))


def _says_nothing(ranked: Ranked, text: str) -> bool:
    """A pronoun, or the question's own words. "A or B?" is answered by its own words."""
    told = words(text)
    if _is_pronoun(text):
        return True
    if re.search(r"\b(?:or|o)\b", ranked.asked.text):
        return False
    content = {word.key for word in told if not word.stop}
    if not content:
        return not any(word.number for word in told)
    asked = ranked.asked.key_set
    if ranked.asked.kind == "person" and any(word.capital and word.key in asked for word in told):
        return _WHICH_ONE.search(ranked.asked.text) is None
    if all(word.capital for word in told if not word.stop):
        letters = "".join(word.text[0] for word in told if not word.stop).casefold()
        if letters in asked and len(letters) > 1:
            return True  # "United States" where the question has "US"
        if ranked.asked.kind == "place" and all(any(alike(key, other) for other in asked) for key in content):
            return True  # "Mexico" where the question asks for a Mexican state
    return content <= asked


def _whole_name(span: Span, text: str, offset: int) -> Span:
    """The span with the rest of a name that it breaks off: half a nickname, or a first name without the second."""
    inner = span.shifted(-offset)
    for left, right in (("“", "”"), ('"', '"'), ("«", "»")):
        piece = inner.of(text)
        odd = piece.count(left) % 2 if left == right else piece.count(left) > piece.count(right)
        close = text.find(right, inner.end, inner.end + MAX_NAME) if odd else -1
        if close >= 0:
            inner = Span(inner.start, close + 1)
    for name in _names(text):
        if name.start <= inner.start < inner.end < name.end and len(name) <= MAX_NAME:
            first = words(inner.of(text))
            if len(first) == 1 or inner.end > span.end - offset:
                inner = Span(inner.start, name.end)
    return inner.shifted(offset)


def _names(text: str) -> Iterator[Span]:
    yield from short.expressions("person", text)
