"""What kind of thing a question asks for, and the shortest span of a sentence that is such a thing.

Rules only: no model. `expressions` finds numbers, sums, dates, places and names by their form; `best_span` prefers the
one that stands near the question's own words and is not in the question. Questions for a reason, a manner or a yes/no
have no short answer: the sentence is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rag.types import Span
from rag.words import STOPWORDS, fold, key, words

Kind = Literal[
    "person", "number", "money", "percent", "date", "duration", "place", "reason", "speech", "yes_no", "other"
]
SHORT_KINDS: frozenset[Kind] = frozenset(
    {"person", "number", "money", "percent", "date", "duration", "place"}
)


def _any_of(*alternatives: str) -> str:
    return "(?:" + "|".join(alternatives) + ")"


# The earliest match wins, at one place the first of this list. The text is folded: no case, no accents.
_SAYING = (
    "say|said|says|claim|call|called|describe|tell|told|argue|warn|write|wrote|think|accuse|promise|deny|denied|"
    "respond|state|stated|declare|compare"
)
_ROLES = (
    "person|man|woman|boy|girl|president|minister|senator|official|expert|author|journalist|analyst|agent|ambassador|"
    "leader|name|actor|actress|singer|player|king|queen|emperor|pope|bishop|priest|rabbi|imam|judge|lawyer|attorney|"
    "prosecutor|mayor|governor|chancellor|colonel|admiral|captain|commander|columnist|reporter|correspondent|"
    "editor|writer|poet|novelist|historian|philosopher|scientist|researcher|physicist|chemist|biologist|economist|"
    "mathematician|engineer|doctor|professor|director|producer|composer|musician|artist|painter|architect|designer|"
    "inventor|explorer|coach|athlete|driver|pilot|candidate|politician|lawmaker|spokes(wo)?man|spokesperson|"
    "officer|founder|critic|activist|brother|sister|son|daughter"
)
_ROLES_ES = (
    "presidente|presidenta|ministr[oa]|juez|jueza|alcalde|alcaldesa|senador|senadora|gobernador|gobernadora|expert[oa]|"
    "autor|autora|periodista|abogad[oa]|actor|actriz|cantante|jugador|jugadora|rey|reina|director|directora"
)
# "Which pilot project", "which judge's ruling".
_NOT_A_PERSON_BEHIND = r"\b(?!['’]s|s['’]|-| (project|program|scheme|countr|cit|stat|part|group)\w*\b)"
_KINDS: tuple[tuple[Kind, str], ...] = (
    (
        "percent",
        r"\b(what|which) (percent(age)?|share|proportion|fraction)\b|\bhow many per ?cent\b|que (porcentaje|proporcion)",
    ),
    (
        "money",
        r"\bhow much (money|did .* (cost|pay|earn|spend)|(is|was|were|are) .* worth)|\bhow many (dollars|euros|pesos)"
        r"|\bwhat (was|is) the (cost|price)\b|\bcuanto (costo|cuesta|dinero|vale|pago)",
    ),
    (
        "duration",
        r"\bhow long\b|\bhow many (years|months|weeks|days|hours|minutes)\b|\bcuanto tiempo\b"
        r"|\bcuant[oa]s (anos|meses|semanas|dias|horas)\b",
    ),
    (
        "number",
        r"\bhow (many|much|old|tall|high|far|large|big|often)\b|^(the )?(number|count) of\b"
        r"|\b(what|which) (number|amount|figure|total|population)\b"
        r"|\bcuant[oa]s?\b|\bque (numero|cantidad|cifra|temperatura|altura|velocidad|edad|superficie|distancia|peso)\b"
        r"|\b(what|which) (temperature|height|speed|age|distance|weight)\b",
    ),
    (
        "date",
        r"\bwhen\b|^(the )?date of\b"
        r"|\b(what|which|in what|on what) (year|date|day|month|decade|century|time)\b|\bcuando\b"
        r"|\b(que|cual) (ano|dia|fecha|mes)\b",
    ),
    (
        "reason",
        r"\bwhy\b|\bwhat (was|is|were) the reasons?\b|\bwhat (caused|led to|prompted)\b|\bpor ?que\b"
        r"|\bcual fue el motivo\b",
    ),
    (
        "speech",
        rf"\bwhat (did|does|has|had|do) .*\b({_SAYING})\b|\bhow (did|does|has|had) .*\b(describe|respond|react|explain|"
        r"justify|defend|characteri[sz]e|call|refer)|\bque (dijo|dice|declaro|afirmo|respondio)\b"
        r"|\bcomo (describio|califico|llamo)\b",
    ),
    (
        "person",
        rf"\b(who|whom|whose)\b|\b(what|which) ({_ROLES}){_NOT_A_PERSON_BEHIND}"
        rf"|\bwhich (?![\w-]+s )[\w-]+ (?!name)({_ROLES}){_NOT_A_PERSON_BEHIND}"
        rf"|\bque ({_ROLES_ES})\b|\bquien(es)?\b|\bde quien\b"
        r"|\bcomo se llam\w+ (el|la|los|las|su|sus)\b",
    ),
    (
        "place",
        r"\bwhere\b|\b(what|which|in what|in which) (?:(?!two|three|other)[\w.]+ )?"
        r"(country|city|state|town|place|region|continent|county|province|"
        r"location)\b|\bdonde\b|\bque (pais|ciudad|estado|lugar|region)\b",
    ),
)
_KINDS_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_YES_NO = re.compile(r"(is|are|was|were|do|does|did|has|have|can|could|will|would)(n['’]t)?\b")
_ASKS_IN_SPANISH = re.compile(r"\b(que|quien(es)?|cual(es)?|cuando|cuant[oa]s?|donde|adonde|como)\b")

_MONTH = _any_of(
    "Jan(?:uary|\\.)?", "Feb(?:ruary|\\.)?", "March", "Mar\\.", "April", "Apr\\.", "May", "June", "July",
    "Aug(?:ust|\\.)?", "Sept?(?:ember|\\.)?", "Oct(?:ober|\\.)?", "Nov(?:ember|\\.)?", "Dec(?:ember|\\.)?",
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)  # fmt: skip
_WEEKDAY = _any_of(
    "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day", "(?:lun|mart|miércol|juev|viern)es", "sábado|domingo"
)
_YEAR = r"(?:1\d{3}|20\d{2})"
_NUMBER_WORD = _any_of(
    "(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?",
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen",
    "eighteen|nineteen|hundreds?|thousands?|dozens?|half|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce",
    "quince|veinte|treinta|cuarenta|cincuenta|cien|ciento|mil",
)
_SCALE = r"(?:hundred|thousand|million|billion|trillion|mil|millones|millón)"
_DIGITS = r"\d+(?:[.,]\d+)*"
_NUMBER = rf"(?:(?:{_DIGITS}|\b{_NUMBER_WORD}\b)(?:[ -]{_SCALE}\b)*)"
_UNIT = _any_of(
    "(?:second|minute|hour|day|week|month|year|decade)s?", "centur(?:y|ies)",
    "(?:segundo|minuto|hora|día|semana|año|década)s?", "mes(?:es)?",
)  # fmt: skip
_NAME_WORD = r"(?:[A-ZÁÉÍÓÚÑÜÖÄØÅÇ][\w’'-]*[a-zà-ÿ][\w’'-]*|[A-Z]\.|Mc[A-Z]\w+)"
_NAME_LINK = r"(?:(?:de|del|de la|van|von|da|al|bin|ibn|di)[ \u00a0])?"
_NICKNAME = r"(?:[“\"(‘'][^”\")’']{1,20}[”\")’'][ \u00a0])?"
_NAME = rf"{_NAME_WORD}(?:[ \u00a0]{_NAME_LINK}{_NICKNAME}{_NAME_WORD})*"

_DATE = _any_of(
    rf"(?:{_WEEKDAY},? )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of| de)? )?{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?\b)?"
    rf"(?:,? (?:de |del )?{_YEAR})?",
    r"\d{4}-\d{2}-\d{2}",
    r"\d{1,2}/\d{1,2}/\d{2,4}",
    _WEEKDAY,
    rf"(?:the )?(?:early|mid|late)?-?(?:the )?{_YEAR}s?(?:[–-]\d{{2,4}})?",
    r"(?:the )?\d{1,2}(?:st|nd|rd|th) century",
    rf"yesterday|today|tomorrow|tonight|overnight|(?:last|next) (?:week|month|year|night|{_WEEKDAY})"
    "|(?:earlier |later )?this (?:week|month|year)",
    rf"{_NUMBER} {_UNIT} (?:ago|after|before|later|earlier)",
    "ayer|anoche|hoy|el (?:mes|año) pasado|el próximo (?:mes|año)|la (?:próxima semana|semana (?:pasada|que viene))"
    rf"|hace {_NUMBER} {_UNIT}",
)
_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(rf"(?<![\w$€£.,]){_NUMBER}(?![\w%])", re.IGNORECASE),
    "money": re.compile(
        rf"(?:US|C|A)?[$€£¥]\s?{_DIGITS}(?:[ -]?(?:{_SCALE}|[mb]n|[mbk])\b)?"
        rf"|\b{_NUMBER}(?:[ -](?:\w+[ -])?(?:dollars?|euros?|pesos?|pounds|cents))\b"
        r"|\b(?:near |nearly |almost )?(?:tr|b|m)illion-dollar\b",
        re.IGNORECASE,
    ),
    "percent": re.compile(
        rf"{_NUMBER}(?:\s?%)?(?: (?:to|and|a|y) |[–-]){_NUMBER}\s?(?:%|per ?cent\b|por ciento\b)"
        rf"|{_NUMBER}\s?(?:%|per ?cent\b|por ciento\b)",
        re.IGNORECASE,
    ),
    "date": re.compile(rf"(?<!\w){_DATE}(?!\w)", re.IGNORECASE),
    "duration": re.compile(
        rf"(?<![\w.,]){_NUMBER}[ -](?:more |consecutive |long )?{_UNIT}\b|\b(?:decades|centuries|life sentence)\b",
        re.IGNORECASE,
    ),
    "person": re.compile(_NAME),
    "place": re.compile(
        rf"\b(?:[Ii]n|[Aa]t|[Oo]n|[Tt]o|[Oo]f|[Ff]rom|[Nn]ear|[Ii]nto|[Ee]n|[Hh]acia)[ \u00a0]"
        rf"(?P<it>(?:the |el |la )?{_NAME}(?:, {_NAME})?)"
    ),
}
_REASON = re.compile(
    r"\b(because|since|due to|in order to|so that|thanks to|as a result|amid|owing to|given|reason|caused?|led to|"
    r"prompted|response to|responding to|seeks?|strives?|porque|debido|ya que|para|por)\b|\bto (?:\w+ )?\w+\b",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"[“”\"«»]|\b(said|says|told|wrote|writes|called|calls|describ\w+|denied|denies|add(?:s|ed)|stated|stating|claim\w*|"
    r"argu\w+|warn\w*|insist\w*|slam\w*|criticiz\w+|defend\w*|accus\w+|declar\w+|opined|dijo|afirmó|declaró|señaló|"
    r"aseguró)\b",
    re.IGNORECASE,
)
# Capitalised at the start of a sentence, or names of something other than a person or a place.
_NOT_A_NAME = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december the this that these those it he she they we i in on at but and since for if as
    while when however although after before with such there what who where how why some many most among both each
    another one two three moreover furthermore nonetheless despite during under from to yet then also only recent
    recently yesterday today tomorrow last reports critics experts el la los las un una""".split()  # noqa: SIM905 - a list of 90 literals is longer
)


# Names of bodies and adjectives of nationality: not the person that "who" asks for.
_NOT_A_PERSON = re.compile(
    r"\b(Department|Center|Centre|University|College|School|Cartel|Administration|Ministry|Agency|Committee|Council|"
    r"Congress|Senate|Party|Court|Security|Homeland|Secretary of|United States|States|Street|House|City|County|Union|"
    r"News|Times|Post|Journal|Review|Bulletin|Service|Bank|Company|Corporation|Group|Institute|Church|Empire|Kingdom|"
    r"Republic|War|Government|President|Minister|Senator|Mexico|America|Internet|God)\b"
    r"|^(?:Latin )?\w+(?:ican|ese|ish|ian)$|^[A-Z.]+$"
)


def kind_of(question: str) -> Kind:
    """What the question asks for; `other` where its form does not say.

    >>> kind_of("How many prisoners were sent?"), kind_of("¿Cuándo ocurrió?"), kind_of("Did she deny it?")
    ('number', 'date', 'yes_no')
    """
    folded = fold(question).lstrip("¿¡ ")
    if _YES_NO.match(folded) or (question.lstrip()[:1] == "¿" and not _ASKS_IN_SPANISH.search(folded)):
        return "yes_no"
    found = [
        (match.start(), order, kind)
        for order, (kind, pattern) in enumerate(_KINDS_COMPILED)
        if (match := pattern.search(folded))
    ]
    return min(found)[2] if found else "other"


def expressions(kind: Kind, text: str) -> list[Span]:
    """Places of `text` that have the form of `kind`, in order, not overlapping. None for kinds without a form."""
    pattern = _PATTERNS.get(kind)
    if pattern is None:
        return []
    spans = [
        Span(match.start(), match.end()) for match in pattern.finditer(text) if match.end() > match.start()
    ]
    if kind in {"person", "place"}:
        spans = [trimmed for span in spans if (trimmed := _trim_name(text, span)) is not None]
    if kind == "person":
        spans = [span for span in spans if not _NOT_A_PERSON.search(span.of(text))]
    if kind == "number":
        dates = expressions("date", text)
        # A day or a year inside a date is not a count.
        spans = [span for span in spans if not any(date.contains(span) for date in dates)]
    if kind == "date":
        spans = [span for span in spans if not _is_auxiliary_may(text, span)]
    return spans


def shows_form(kind: Kind, text: str) -> bool:
    """True where `text` holds something of the kind, in the looser sense that helps to rank sentences."""
    if kind == "reason":
        return _REASON.search(text) is not None
    if kind == "speech":
        return _SPEECH.search(text) is not None
    return bool(expressions(kind, text))


def new_expressions(kind: Kind, text: str, question_keys: frozenset[str]) -> list[Span]:
    """Those expressions that say something the question does not already say."""
    fresh = []
    for span in expressions(kind, text):
        keys = {word.key for word in words(span.of(text)) if not word.stop}
        if keys and not keys <= question_keys:
            fresh.append(span)
    return fresh


def best_span(question: str, text: str) -> tuple[Span, float] | None:
    """The likeliest short answer in `text` (a sentence or two) and a score in (0, 1); None where there is none.

    The score grows with the closeness to the question's own words and falls where several expressions compete. Ties
    go to the earlier span.
    """
    kind = kind_of(question)
    if kind not in SHORT_KINDS:
        return None
    asked = frozenset(word.key for word in words(question) if not word.stop)
    spans = new_expressions(kind, text, asked)
    if kind == "person":  # one shared name is enough: "Rafael Caro" does not answer a question about Caro
        spans = [span for span in spans if not asked & {word.key for word in words(span.of(text))}]
    if not spans:
        return None
    near = _closeness(question, asked, kind, text, spans)
    order = sorted(range(len(spans)), key=lambda index: (-near[index], index))
    rival = near[order[1]] if len(order) > 1 else 0.0
    return spans[order[0]], near[order[0]] / (near[order[0]] + 0.7 * rival + 0.25)


def closest(question: str, kind: Kind, text: str, spans: Sequence[Span]) -> float:
    """The highest closeness of `spans` of `text` to the question's words (0.05 and up; around 1 is close)."""
    asked = frozenset(word.key for word in words(question) if not word.stop)
    return max(_closeness(question, asked, kind, text, spans))


def _closeness(
    question: str, asked: frozenset[str], kind: Kind, text: str, spans: Sequence[Span]
) -> list[float]:
    """Per span: the sum, over the question's words in `text`, of 1 / (1 + distance in words).

    A figure that is followed by the noun that the question counts gets 1 more, a name of several words 0.3.
    """
    told = words(text)
    focus = _focus_keys(question)
    values = []
    for span in spans:
        inside = [index for index, word in enumerate(told) if span.overlaps(word.span)]
        if not inside:
            values.append(0.0)
            continue
        first, last = inside[0], inside[-1]
        nearest: dict[str, float] = {}
        for index, word in enumerate(told):
            if word.key in asked and not first <= index <= last:
                distance = first - index if index < first else index - last
                nearest[word.key] = max(nearest.get(word.key, 0.0), 1.0 / (1.0 + distance))
        value = 0.05 + sum(nearest.values())
        if kind in {"number", "money", "percent", "duration"}:
            value += 1.0 * bool(focus & {word.key for word in told[last + 1 : last + 4]})
        if kind == "person" and last > first:
            value += 0.3
        values.append(value)
    return values


def _focus_keys(question: str) -> frozenset[str]:
    """Keys of the noun that the question counts or names: the words right after "how many", "which" and the like."""
    match = re.search(
        r"\b(?:how (?:many|much)|what|which|cuánt[oa]s?|qué)\s+(\w+)(?:\s+(\w+))?", question, re.IGNORECASE
    )
    if match is None:
        return frozenset()
    return frozenset(key(word) for word in match.groups() if word and word.casefold() not in STOPWORDS)


def _trim_name(text: str, span: Span) -> Span | None:
    """The span without leading words that only stand at the start of a sentence; None where nothing is left."""
    inside = [word for word in words(span.of(text)) if len(word.text) > 1]
    while inside and (fold(inside[0].text) in _NOT_A_NAME or inside[0].text.casefold() in STOPWORDS):
        inside.pop(0)
    while inside and not inside[-1].capital:
        inside.pop()
    if not inside:
        return None
    return Span(span.start + inside[0].span.start, span.start + inside[-1].span.end)


def _is_auxiliary_may(text: str, span: Span) -> bool:
    """ "may" the verb, not the month."""
    return span.of(text) == "may"
