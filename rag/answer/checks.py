"""Whether a worded statement says what its cited sentences say. Rules first, in this order; the first that fails is the
reason for which the statement is withheld:

1. links and markup that no source has;
2. words in quotation marks stand in the cited sentences as they are;
3. explicit sums add up and their parts are quoted; then the total counts as said;
4. each figure, date, sum of money and percentage stands in the cited sentences (`rag.answer.figures`);
5. each capitalised name stands there, in the question, or in what is known of the document (`rag.answer.names`);
6. where several documents are cited, each part of the statement rests on one of them alone (`rag.answer.merged`);
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
from collections.abc import Iterator, Mapping, Sequence

from rag.answer import support
from rag.answer.attribution import attribution_of, same_person
from rag.answer.cited import PRONOUNS, Cited, keys_of, unsaid_figure, unsaid_name
from rag.answer.figures import sums
from rag.answer.folding import fold
from rag.answer.merged import merged
from rag.answer.names import metadata_texts
from rag.answer.polarity import negation_changed, opposite
from rag.days import in_words
from rag.types import Document, DraftStatement, Span
from rag.words import content_words, in_spanish, key, words

MAX_WORDS = 200  # of one statement; more is no statement but an essay

_MARKUP = re.compile(r"!?\[[^\]\n]*\]\s*\(|<\s*/?\s*[a-zA-Z!][^>\n]*>|\]\s*:\s*\S+://")
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.|(?:data|javascript|mailto|file):)[^\s)>\]\"”]*", re.IGNORECASE
)
_QUOTED = re.compile(r"[“\"«„]([^”\"»“«„]{2,})[”\"»“]|(?<!\w)[‘']([^’'\n]{12,}?)[’'](?!\w)")
_ISO_DAY = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|…|\[\.\.\.\]|\[…\]|\(…\))\s*")


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
    reason = check_by_rules(statement, places, question=question, shown=shown)
    return reason or _support(statement.text or "", Cited(places, shown, question))


def check_by_rules(
    statement: DraftStatement,
    places: Sequence[tuple[Document, Span]],
    *,
    question: str,
    shown: Mapping[str, Sequence[Span]],
) -> str | None:
    """`check` without its last step, the support model."""
    text = statement.text or ""
    cited = Cited(places, shown, question)
    if not words(text):
        return "it has no words"
    if len(words(text)) > MAX_WORDS:
        return f"it is longer than {MAX_WORDS} words"
    return (
        _active(text, cited)
        or _misquoted(text, cited)
        or unsaid_figure(text, cited)
        or unsaid_name(text, cited)
        or merged(text, cited)
        or _speaker(statement, cited)
        or _negation(text, cited)
        or _unrelated(text, cited)
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
    return found.speaker if found and found.speaker[:1].isupper() and found.speaker not in PRONOUNS else None


def fold_lines(text: str) -> str:
    """One line, NFC, without NUL: what a `Document` may hold."""
    return unicodedata.normalize("NFC", " ".join(text.replace("\x00", " ").split()))


def _is_named(named: str, cited: Cited) -> bool:
    wanted = {word.key for word in content_words(named)} or {key(named)}
    texts = [*cited.around, *cited.grounds.near]
    return wanted <= keys_of(texts)


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
        & keys_of([*cited.quotes, *(part for each in cited.documents for part in metadata_texts(each))])
    ):
        return "it shares no word with the sentences that it cites"
    return None


def _days_in_words(text: str) -> str:
    """ "2031-02-27" as "27 February 2031": the network has seen hardly any day in figures."""

    def told(match: re.Match[str]) -> str:
        try:
            return in_words(dt.date.fromisoformat(match[0]))
        except ValueError:
            return match[0]

    return _ISO_DAY.sub(told, text)


def _support(text: str, cited: Cited) -> str | None:
    """What the network says. It reads English, and does not add up: a sum was checked part by part before."""
    if in_spanish(text) or any(
        _spanish(document, quote) for (document, _), quote in zip(cited.places, cited.quotes, strict=True)
    ):
        return None
    if sums(text):
        return None
    (probability,) = support.support([(_days_in_words(text), "\n".join(cited.quotes))])
    if probability is not None and probability < support.threshold():
        return f"the cited sentences do not seem to say this (support {probability:.2f})"
    return None
