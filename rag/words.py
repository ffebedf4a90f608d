"""Words of a text with their places, and the key under which two spellings of one word meet.

The key is for comparing only (retrieval queries, overlap features); what is shown is always the text itself. English
and Spanish endings are taken off by a few rules rather than by a dictionary: "transferred", "transfers" and
"transferring" meet, and so do "Guzmán" and "Guzman", "U.S." and "US". Known gap: irregular forms ("sent", "send").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rag.types import Span

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")

QUESTION_WORDS = frozenset(
    """what who whom whose when where which why how much many long often does did do is are was were
    que qué quien quién quienes quiénes cuando cuándo donde dónde cual cuál cuales cuáles por como cómo
    cuanto cuánto cuanta cuánta cuantos cuántos cuantas cuántas""".split()  # noqa: SIM905 - a list of literals is ten times as long
)

# Not "us" and "may": the country and the month are worth more than the pronoun and the verb cost.
STOPWORDS = QUESTION_WORDS | frozenset(
    """a an the this that these those and or but if then than so as of at by for from in into on onto out over to up
    with within without about after before between during under against among it its he him his she her hers they them
    their theirs we our ours you your yours i me my mine be been being am has have had having can could will would
    shall should might must not no nor only own same too very just there here also any some such each other more
    most both all s t re ve ll don doesn didn isn wasn aren according whether while because say says said tell told
    el la los las un una unos unas lo al del de en con sin sobre entre para y o u ni pero si se su sus le les me te nos
    es son fue fueron era eran ser sido está están estaba ha han había hay más muy ya no sí este esta estos estas ese
    esa eso esto dijo dice según""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its text, its place, its comparison key, and whether it starts with a capital letter or digit."""

    text: str
    span: Span
    key: str
    capital: bool
    number: bool

    @property
    def stop(self) -> bool:
        """A word that carries no content; in capitals it may be a name ("WHO", "IT")."""
        return self.text.casefold() in STOPWORDS and not (len(self.text) > 1 and self.text.isupper())


def words(text: str) -> list[Word]:
    """Every word and number of `text`, in order."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        found.append(
            Word(word, Span(match.start(), match.end()), key(word), word[0].isupper(), word[0].isdigit())
        )
    return found


def content_words(text: str) -> list[Word]:
    return [word for word in words(text) if not word.stop]


@lru_cache(maxsize=65_536)
def key(word: str) -> str:
    """The comparison key of one word: no accents, no case, no possessive, no common ending.

    >>> key("Transferred") == key("transfers"), key("Guzmán’s") == key("guzman"), key("U.S.") == key("US")
    (True, True, True)
    """
    if "." in word and not word[0].isdigit():
        word = word.replace(".", "")
    if word[0].isdigit():
        return word.replace(",", "")
    if 2 <= len(word) <= 5 and word.isupper():
        return fold(word)
    return _stem(re.sub(r"['’]s?$", "", fold(word)))


def fold(text: str) -> str:
    """Case and accents removed; the length may change, so never use it for offsets."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(char for char in plain if not unicodedata.combining(char))


def _stem(word: str) -> str:
    """Light suffix stripping; a stem keeps at least three letters and a vowel."""
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif (
        word.endswith("es")
        and word[:-2].endswith(("s", "x", "z", "ch", "sh", "r", "n", "l", "d"))
        and len(word) > 5
    ):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= 3 and re.search(r"[aeiouy]", rest):
            word = rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
            break
    if len(word) > 4 and word[-1] in "eao":
        word = word[:-1]
    return word


def alike(first: str, second: str) -> float:
    """1.0 for equal keys, 0.6 for keys that share a long beginning (one word family, or a cognate), else 0.0.

    Known gap: long beginnings that are no family ("intern", "interest") count too.

    >>> alike("extradit", "extradition"), alike("transfer", "transfir"), alike("prison", "prince")
    (0.6, 0.6, 0.0)
    """
    if first == second:
        return 1.0
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    if len(shorter) < 5 or not longer[0].isalpha():
        return 0.0
    shared = 0
    for left, right in zip(longer, shorter, strict=False):
        if left != right:
            break
        shared += 1
    return 0.6 if shared >= 5 and shared >= 0.6 * len(longer) and shared >= len(shorter) - 2 else 0.0


def best_alike(wanted: str, keys: Iterable[str]) -> float:
    """The strongest likeness of `wanted` to any of `keys`."""
    best = 0.0
    for candidate in keys:
        likeness = alike(wanted, candidate)
        if likeness == 1.0:
            return 1.0
        best = max(best, likeness)
    return best


_SPANISH = re.compile(
    r"[¿¡ñ]|\b(?:qué|quién|quiénes|cuándo|cuánto|cuántos|cuánta|cuántas|dónde|cómo|cuál|cuáles|quien|cuantos|cuantas"
    r"|donde|el|los|las|del|según|fueron|dijo|fue|por|para|una|hay)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:what|who|whom|when|where|which|why|how|the|of|is|are|was|were|did|does|do|said|say|has|have|in|to|and)\b",
    re.IGNORECASE,
)


def in_spanish(text: str) -> bool:
    """Whether a question is in Spanish rather than English, by its function words; names decide nothing."""
    return len(_SPANISH.findall(text)) > len(_ENGLISH.findall(text))
