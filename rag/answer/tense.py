"""Whether the clause around a place speaks of what was or of what will be, for English and Spanish.

Signs, not grammar: the verb group nearest before the place in its clause decides, else the nearest after it. What
leans on another time ("would meet", "agreed to meet", "a meeting planned for"), a present tense ("opens on Tuesday"
is a plan, a habit or a headline) and a clause without a known verb are unclear, which is None.

Known gap: where a noun between takes the day ("will discuss the fire on Tuesday"), the verb still decides.
"""

# ruff: noqa: SIM905  (word lists are easier to read and to extend as text)
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rag.answer.speech import MASK
from rag.types import Span

Tense = Literal["past", "future"]
Language = Literal["en", "es"]
_Kind = Literal["past", "future", "unclear", "plan"]


@dataclass(frozen=True, slots=True)
class _Cue:
    span: Span
    kind: _Kind


def _any(listed: str) -> str:
    return "(?:" + "|".join(listed.split()) + ")"


_ADVERBS = r"(?:\s+(?:not|also|now|then|still|only|again|never|first|all|both|once|soon|\w+ly))*"
_VERB = rf"{_ADVERBS}(?:\s+(?:be|have|been|being))*{_ADVERBS}\s+[a-z]+"
_NOUNS_AFTER_TO = _any(
    """the a an his her their its our my your this that these those each all one two three some any court hospital
    prison jail school work death safety shore land sea port town power parliament congress life at in on him them us
    me it what which whom"""
)
_INFINITIVE = rf"to\s+(?!{_NOUNS_AFTER_TO}\b)(?:be\s+|have\s+)?[a-z]+"
_AHEAD = rf"(?:due|set|scheduled|expected|planned|slated|poised)\b(?:\s+{_INFINITIVE})?"
_AHEAD_TO = rf"(?:(?:going|likely|about|supposed)\s+)?{_INFINITIVE}"
_PAST = """was were wasn['’]t weren['’]t had hadn['’]t did didn['’]t been arose ate awoke beat became began bent bit blew
    bought bound broke brought built burnt burst came caught chose clung crept cut dealt died drank drew drove dug fell
    felt fed fled flew fought found froze gave got grew heard held hid hit hung kept knelt knew laid lay led left lent
    lit lost made meant met overtook paid put quit ran rang rose said sang sank sat saw sent shook shot shut slept slid
    sold sought spent split spoke spun stole stood stuck struck swam swept swore swung told took taught threw thought
    tore understood undertook underwent went withdrew woke won wore wound wrote"""
_PLANS = """planned scheduled expected proposed forecast due set postponed delayed moved booked announced called promised
    arranged ordered agreed pledged urged warned invited threatened predicted vowed sought hoped"""
_PLANES = "anunció anunciaron convocó convocaron aplazó aplazaron prometió propuso ordenó acordó acordaron"
_ALWAYS_AHEAD = frozenset(
    "planned scheduled expected proposed forecast due set postponed delayed moved booked".split()
)
_PRESENT = """opens reopens starts begins ends closes meets votes decides returns leaves arrives travels goes takes plays
    faces appears expires holds launches resumes visits hosts marks comes gets runs says makes votes hears rules gives
    sees shows remains stands becomes keeps brings sets sits lands heads turns moves receives presents celebrates"""
_CUES: dict[Language, str] = {
    "en": (
        rf"(?<![\w-])(?:(?P<future>(?:will|won['’]t|shall|\w+['’]ll){_VERB}"
        rf"|(?:is|are|am)(?:n['’]t)?{_ADVERBS}\s+(?:{_AHEAD}|{_AHEAD_TO}))"
        r"|(?P<past>(?:had|used|failed|refused|managed|began|started|continued|declined|forced|able|unable|obliged|chose)"
        r"\s+to\s+(?:be\s+)?[a-z]+)"
        rf"|(?P<unclear>(?:would|could|should|might|may|must|can|cannot|ought|wouldn['’]t|couldn['’]t|can['’]t){_VERB}"
        rf"|(?:was|were)(?:n['’]t)?{_ADVERBS}\s+(?:{_AHEAD}|{_AHEAD_TO})"
        rf"|(?:is|are|am)(?:n['’]t)?{_ADVERBS}(?:\s+being)?(?:\s+[a-z]+)?|{_INFINITIVE}|{_any(_PRESENT)})"
        rf"|(?P<plan>{_any(_PLANS)})|(?P<finite>{_any(_PAST)})|(?P<ed>[a-z]{{2,}}ed))(?![\w-])"
    ),
    "es": (
        r"(?<![\w-])(?:(?P<future>[a-zñ]+(?:rá|rán)|(?:va|van)\s+a\s+[a-zñ]+|(?:está|están)\s+previst[oa]s?"
        r"|(?:tiene|tienen)\s+previsto)"
        r"|(?P<unclear>[a-zñ]+r(?:ía|ían)|(?:estaba|estaban)\s+previst[oa]s?|(?:tenía|tenían)\s+previsto"
        r"|(?:iba|iban)\s+a\s+[a-zñ]+|previst[oa]s?|programad[oa]s?|convocad[oa]s?"
        r"|(?!(?:lugar|mujer|ayer|mar|bar|hogar|militar|popular|taller|particular|familiar|escolar|par|por)\b)"
        r"[a-zñ]{2,}(?:ar|er|ir)(?:se|l[aeo]s?)?|es|son|está|están|tiene|tienen|puede|pueden|debe|deben)"
        rf"|(?P<plan>{_any(_PLANES)})"
        r"|(?P<finite>[a-zñáéíóú]{2,}ó|[a-zñáéíóú]{2,}(?:aron|ieron|eron)|[a-zñ]{2,}aban?"
        r"|fue|era|eran|hizo|dijo|tuvo|estuvo|puso|vino|dio|vio|hubo|pudo|quiso|supo|trajo|condujo|produjo|cayó"
        r"|había|habían|tenía|tenían|hacía|hacían|(?:ha|han|he|hemos)\s+(?:sido\s+)?[a-zñí]+(?:ado|ido|to|cho)s?))"
        r"(?![\w-])"
    ),
}


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    """Compiled at the first use: most questions ask for no date."""
    return re.compile(_CUES[language])


_BOUNDARIES: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r",(?!\d)|[;:()–—“”«»\"]|\b(?:and|but|that|which|who|whom|whose|when|while|where|because|although|though|if|as"
        r"|after|before|unless|so|or)\b",
        re.IGNORECASE,
    ),
    "es": re.compile(
        r",(?!\d)|[;:()–—“”«»\"]|\b(?:y|e|pero|que|quien|quienes|cuando|mientras|donde|porque|aunque|si|como|tras|o)\b",
        re.IGNORECASE,
    ),
}
_NO_VERBS = frozenset("need feed seed speed breed indeed hundred weed deed bed shed unprecedented".split())
_BEFORE_NOUNS = frozenset(
    """the a an this that these those his her their its our my your of in on at by for with from to some many most
    several no any every each two three four five six seven eight nine ten more other into under over""".split()
)
_FUNCTION = frozenset(
    """the a an of in on at by near from into early late shortly around just only local time about
    el la los las un una de del en a al por cerca desde hacia""".split()
)
# The day is an end or a beginning, or what something is meant for: that day may lie ahead of a verb in the past.
_LIMIT = re.compile(
    r"\b(?:for|until|till|by|before|from|to|through|para|hasta|antes|partir)(?:\s+(?:late|early|de|del|el|la|on))*\s*$",
    re.IGNORECASE,
)
_SINCE = re.compile(r"\b(?:since|desde)(?:\s+(?:late|early|el|la))*\s*$", re.IGNORECASE)
_CONDITION = frozenset({"if", "unless", "si"})
_LATER_THAN = frozenset({"after", "before", "while", "tras", "because", "porque", "as", "when", "cuando"})
_GERUND = re.compile(r"\s*(?:being|having|[a-z]+ing)\b")  # "before facing Venezuela on Tuesday"
_RIGHT_BEFORE = re.compile(r"\s*(?:(?:on|late|early|it|el|este|la|this|last|next|in|en)\s+)*")


def tense_at(sentence: str, place: Span, language: Language) -> Tense | None:
    """The tense of the clause of `sentence` that holds the time expression at `place`; None where it is unclear."""
    text = sentence[: place.start] + MASK * len(place) + sentence[place.end :]
    cues = list(_cues(text, place, language))
    clause, opener = clause_at(text, place, language)
    if opener in _CONDITION or (opener in _LATER_THAN and _GERUND.match(text, clause.start)):
        return None
    nearest = _nearest([cue for cue in cues if clause.contains(cue.span)], place, text)
    if _SINCE.search(text[: place.start]):
        return None if nearest == "future" else "past"
    if nearest is None:
        nearest = _of_the_sentence(cues, clause, opener, text)
    if _LIMIT.search(text[: place.start]) and nearest != "future":
        return None
    return nearest if nearest in ("past", "future") else None


def clause_at(text: str, place: Span, language: Language) -> tuple[Span, str]:
    """The clause around `place` and the word or mark, in lower case, that opens it ("" at the beginning)."""
    start, end, opener = 0, len(text), ""
    for match in _BOUNDARIES[language].finditer(text):
        if match.end() <= place.start:
            start, opener = match.end(), match.group().lower()
        elif match.start() >= place.end:
            end = match.start()
            break
    return Span(start, end), opener


def _nearest(cues: list[_Cue], place: Span, text: str) -> _Kind | None:
    before = [cue for cue in cues if cue.span.end <= place.start]
    after = [cue for cue in cues if cue.span.start >= place.end]
    adjoins = after and not text[place.end : after[0].span.start].strip()
    if adjoins and not re.search(r"\bon\s+$", text[: place.start]):
        return after[0].kind  # "said Tuesday will be decisive"
    if before:
        return before[-1].kind
    return after[0].kind if after else None


def _of_the_sentence(cues: list[_Cue], clause: Span, opener: str, text: str) -> _Kind | None:
    """For a clause that is only an adjunct ("…, on the river Lune, on Tuesday"): the tense that all verbs share."""
    rest = re.findall(r"(?<!\w)[^\W\d_]+", clause.of(text))
    if any(word[0].islower() and word not in _FUNCTION for word in rest):
        return None
    kinds = {cue.kind for cue in cues}
    if kinds == {"past"}:
        return "past"
    return "future" if kinds == {"future"} and opener not in _LATER_THAN else None


def _cues(text: str, place: Span, language: Language) -> Iterator[_Cue]:
    for match in _pattern(language).finditer(text):
        span = Span(*match.span())
        kind = match.lastgroup
        if kind == "ed":
            if match.group() not in _NO_VERBS and not _is_attribute(text, match.start()):
                yield _Cue(span, "past")
        elif kind == "plan":
            near = span.end <= place.start and _RIGHT_BEFORE.fullmatch(text, span.end, place.start)
            certain = match.group() not in _ALWAYS_AHEAD and near
            yield _Cue(span, "past" if certain else "unclear")
        else:
            yield _Cue(span, "future" if kind == "future" else "unclear" if kind == "unclear" else "past")


def _is_attribute(text: str, start: int) -> bool:
    """Whether the word in -ed at `start` stands before a noun: "the (newly) elected council"."""
    before = text[:start].rstrip()
    while (last := re.search(r"[^\s]+$", before)) and last.group().endswith("ly"):
        before = before[: last.start()].rstrip()
    if not before:
        return True
    word = last.group().lower() if last else ""
    return word in _BEFORE_NOUNS or word[0].isdigit() or word.endswith(("'s", "’s"))
