"""Questions about who said something and about what somebody said, answered by the text's own attribution.

The network points at words; who says them is for `rag.answer.attribution` to tell. "Who called the deal dangerous?" is
answered by the name under which the speaker stands in the quote, or in the sentences right before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from rag.answer.attribution import Attribution, attribution_of, same_person
from rag.answer.choosing import fits
from rag.answer.ranked import Ranked
from rag.answer.speech import VERB_CLASSES, VerbClass, clean_name, is_name, names_in
from rag.types import Document, Span
from rag.words import alike, fold, words

QUOTED = 1.0  # for words in quotation marks, where the exact words are asked for
SAME_VERB = 0.5  # for "asked" where the question is what somebody asked
ON_TOPIC = 1.5  # for the words behind "about" in "What did X say about …"
LOOKED_AT = 10  # best candidates whose speaker is looked up
BY_ASKED, BY_OTHER = 1.2, -0.6  # on the score of a sentence
BY_SOMEBODY, IN_THE_VERB = 0.5, 2.5  # the same for "who": with a clear speaker, who even "called" it as asked
_BACK = 3  # sentences before a quote among which its speaker's name is looked for

_SAYING = "|".join(
    sorted(
        {
            *VERB_CLASSES,
            "joked",
            "quipped",
            "complained",
            "attacked",
            "blamed",
            "welcomed",
            "thanked",
            "compared",
        },
        key=len,
        reverse=True,
    )
)
_SAYING_WORDS = frozenset(fold(verb) for verb in _SAYING.split("|"))
_PLAIN_VERBS = frozenset(
    word.key
    for word in words("say says said tell tells told added adds state stated dijo dice afirmó claim claimed")
)
_ABOUT = re.compile(r"\b(?:about|regarding|concerning|sobre|acerca de)\s+(.+)$", re.IGNORECASE)
_AUXILIARY = r"(?:did|does|do|has|have|had|is|was|are|were|will|would|can|could|should|ha|han|había|es)\b"
_ASKS_SPEAKER = re.compile(
    rf"^\W*(?:(?:and|so|but|y)\s+)?(?:who|quién|quiénes|(?:which|what|qué)\s+(?!{_AUXILIARY})[\w-]+(?:\s+[\w-]+)?)\s+"
    rf"(?:(?:has|have|had|first|also|then|once|publicly|repeatedly|ha|han|había)\s+)*(?:{_SAYING})\b",
    re.IGNORECASE,
)
_VERBS: dict[VerbClass, str] = {
    "asked": r"\bask(?:ed)?\b|\bpreguntó\b",
    "denied": r"\b(?:den(?:y|ied)|reject(?:ed)?|disput(?:e|ed)|negó|rechazó)\b",
    "warned": r"\b(?:warn(?:ed)?|threaten(?:ed)?|advirtió|amenazó)\b",
    "promised": r"\b(?:promised?|vow(?:ed)?|prometió)\b",
    "admitted": r"\b(?:admit(?:ted)?|acknowledged?|concede[ds]?|admitió|reconoció)\b",
}
_DID = r"\b(?:did|does|do|has|had|have)\s+(?:(?!(?:the|an?|his|her|their)\b)[\w.]+\s+){0,2}"
_EXACT = re.compile(
    r"\b(?:exact(?:ly)?|word for word|verbatim|in (?:his|her|their|[\w’']+[’']s) (?:own )?words|quote|quotation|"
    r"textualmente)\b"
    r"|\b(?:which|what) (?:word|words|adjective|term|phrase|expression)\b",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"“([^”]+)”|«([^»]+)»|\"([^\"]+)\"")


def asks_speaker(question: str) -> bool:
    """ "Who said …", "Which minister denied …"; not "Who was told …", "Who is said to …"."""
    return _ASKS_SPEAKER.search(question) is not None


def asks_words(ranked: Ranked) -> bool:
    """ "What did X say …", "What exactly …", "Which adjective did X use …"."""
    return ranked.asked.kind == "speech" or _EXACT.search(ranked.asked.text) is not None


def asked_speaker(ranked: Ranked) -> str | None:
    """Whose words a question asks for: the first name in it; None where it does not ask for words, or names nobody."""
    if not asks_words(ranked):
        return None
    text = ranked.asked.text
    opening = re.match(r"\W*\w", text)
    plain = text[: opening.end()].lower() + text[opening.end() :] if opening else text
    return next((name for name, _, _ in names_in(plain)), None)


def topic_of(ranked: Ranked) -> frozenset[str]:
    """The keys of what stands behind "about" in "What did X say about the photograph?"."""
    about = _ABOUT.search(ranked.asked.text) if asks_words(ranked) else None
    return frozenset(word.key for word in words(about[1]) if not word.stop) if about else frozenset()


def on_topic(ranked: Ranked) -> list[int]:
    """The best sentence about the whole topic, where the very best has not a word of it; else empty."""
    topic, order = topic_of(ranked), ranked.order[:LOOKED_AT]
    if not topic or any(alike(key, other) for key in topic for other in ranked.candidates[order[0]].keys):
        return []
    held = [
        index
        for index in order
        if all(any(alike(key, other) for other in ranked.candidates[index].keys) for key in topic)
    ]
    return held[:1]


def preference(ranked: Ranked, documents: Mapping[str, Document]) -> NDArray[np.float64]:
    """What is to be added to the scores for who speaks in the best sentences; zeros where nobody asks."""
    added = np.zeros(len(ranked.candidates))
    name, anybody = asked_speaker(ranked), asks_speaker(ranked.asked.text)
    exact = _EXACT.search(ranked.asked.text) is not None
    if name is None and not anybody and not exact:
        return added
    told = {word.key for word in words(ranked.asked.text) if fold(word.text) in _SAYING_WORDS}
    verbs = told - _PLAIN_VERBS  # "said" tells one saying from another no more than "who" does
    topic = frozenset() if anybody else topic_of(ranked)
    wanted = {
        kind for kind, pattern in _VERBS.items() if re.search(pattern, ranked.asked.text, re.IGNORECASE)
    }
    for index in ranked.order[:LOOKED_AT]:
        one = ranked.candidates[index]
        if exact and _QUOTATION.search(one.text):
            added[index] += QUOTED
        if topic:
            held = sum(any(alike(key, other) for other in one.keys) for key in topic)
            added[index] += ON_TOPIC * held / len(topic)
        found = _attribution(documents[one.document_id], one.span, one.text)
        if found is None:
            continue
        if name is not None:
            added[index] += BY_ASKED if same_person(found.speaker, name) else BY_OTHER
        elif is_name(found.speaker) and not _in_question(found.speaker, ranked):
            same = any(alike(verb, key) for verb in verbs for key in one.keys)
            added[index] += IN_THE_VERB if same else BY_SOMEBODY
        if found.verb_class in wanted:
            added[index] += SAME_VERB
    return added


def by_another(ranked: Ranked, documents: Mapping[str, Document]) -> bool:
    """Whether the words asked for are one person's, and those of the best sentence clearly another's."""
    name = asked_speaker(ranked)
    # "What did the mayor accuse Ruiz of" and "What did Ruiz's son say" do not ask for words of Ruiz.
    if name is None or not re.search(
        rf"{_DID}{re.escape(name)}(?![’']s\b)", ranked.asked.text, re.IGNORECASE
    ):
        return False
    one = ranked.candidates[ranked.order[0]]
    found = _attribution(documents[one.document_id], one.span, one.text)
    return found is not None and is_name(found.speaker) and not same_person(found.speaker, name)


def speaker_in(
    ranked: Ranked, index: int, documents: Mapping[str, Document], shown: Mapping[str, Collection[Span]]
) -> tuple[Span, Span] | None:
    """The place to quote and the speaker's name in it, as the answer to "who said …"; None where it is not clear."""
    one = ranked.candidates[index]
    document = documents[one.document_id]
    found = _attribution(document, one.span, one.text)
    if found is None or _in_question(found.speaker, ranked):
        return None
    speaker = found.speaker
    start = one.span.start
    for _ in range(_BACK + 1):
        quote = Span(start, one.span.end)
        if not fits(quote, shown[one.document_id]):
            return None
        place = _name_place(speaker, quote.of(document.text))
        if place is not None:
            return quote, place.shifted(quote.start)
        before = [
            other.span.start
            for other in ranked.candidates
            if other.document_id == one.document_id and other.span.end <= start
        ]
        if not before:
            return None
        start = max(before)
    return None


def quotation_in(ranked: Ranked, index: int, span: Span | None) -> Span | None:
    """The words in quotation marks that answer "what did X say": those that `span` touches, else the only ones."""
    if not asks_words(ranked):
        return None
    one = ranked.candidates[index]
    found = []
    for match in _QUOTATION.finditer(one.text):
        group = next(number for number in (1, 2, 3) if match[number] is not None)
        found.append(Span(*match.span(group)).shifted(one.span.start))
    if span is not None and (touched := [place for place in found if place.overlaps(span)]):
        return touched[0]
    exact = _EXACT.search(ranked.asked.text) is not None
    return found[0] if exact and len(found) == 1 else None


def _attribution(document: Document, span: Span, text: str) -> Attribution | None:
    found = attribution_of(document, span)
    if found is None:  # two speakers in the sentence, or words of the narrator besides the quotation
        for match in _QUOTATION.finditer(text):
            found = attribution_of(document, Span(*match.span()).shifted(span.start))
            if found is not None:
                break
    return found


def _in_question(speaker: str, ranked: Ranked) -> bool:
    keys = {word.key for word in words(clean_name(speaker)) if not word.stop}
    return bool(keys) and keys <= ranked.asked.key_set


def _name_place(speaker: str, text: str) -> Span | None:
    """Where `text` names the speaker, in the fullest form; None where it does not."""
    at = fold(text).find(fold(speaker)) if len(fold(text)) == len(text) else text.find(speaker)
    if at >= 0:
        return Span(at, at + len(speaker))
    named = [Span(start, end) for name, start, end in names_in(text) if name and same_person(name, speaker)]
    return max(named, key=lambda place: (len(place), -place.start), default=None)
