"""Whether a statement says "not" where its source does not, or leaves out a "not" that its source has.

A negation governs the words after it up to the end of its clause; its *head* is the first of them with content. A
negation is lost where the statement has the head of a source's negation without one, and added where it negates what
the source says plainly, or where the source negates nothing at all. Denials ("denied", "rejected", "rechazó") count as
negations of what they take. Rules for English and Spanish; between the two only whether there is a negation at all can
be compared. Opposites ("approved" for "rejected", "legal" for "illegal") are found here too.

Known gaps: irony, "few" and "hardly any" as shades of "no", a negation paraphrased by an opposite that no list has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.words import STOPWORDS, alike, fold, key

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:]\d+)*|[,;:.!?()“”\"«»—–\n]")
_WINDOW = 7  # words after a negation that it can govern
_NEGATORS = frozenset(
    """not cannot never no nor neither none nobody nothing nowhere without hardly scarcely nunca jamas ni ningun
    ninguna ninguno nadie nada sin tampoco""".split()  # noqa: SIM905
)
_DENIALS = re.compile(
    r"(?:den(?:y|ies|ied|ying|ial|ials)|reject(?:s|ed|ing|ion)?|refut(?:e|es|ed|ing)|rebut(?:s|ted)?|disput(?:e|es|ed|ing)"
    r"|refus(?:e|es|ed|ing|al)|declin(?:e|es|ed|ing)|dismiss(?:es|ed|ing)?|contradict(?:s|ed)?"
    r"|neg(?:o|aron|ar|ado|aba|ando|ativa)|nieg(?:a|an)|rechaz(?:o|aron|ar|ado|a|an)|desmint(?:io|ieron)|desmentir)"
)
_WEAK = re.compile(
    r"(?:fail(?:s|ed|ure|ing)?|lack(?:s|ed|ing)?|prevent(?:s|ed)?|block(?:s|ed)?|bann?(?:s|ed|ing)?|prohibit(?:s|ed)?"
    r"|forb(?:id|ids|ade|idden)|veto(?:ed|es)?|oppos(?:e|es|ed|ing|ition)|unable|unlikely|impossible|imposible|fals[eoa]"
    r"|untrue|absen(?:t|ce)|zero|few|rare(?:ly)?|seldom|avoid(?:s|ed)?|cancel(?:s|ed|led)?|halt(?:s|ed)?|except"
    r"|ruled|stopp?(?:s|ed)?|ceas(?:e|es|ed)|end(?:s|ed)?|former(?:ly)?|quit|missing|against|instead|far|yet|unknown"
    r"|unclear|innocent|acquitted|un(?!der|it|iv|til|ion|iq|less|cle)\w{4,}|in(?:valid|capable|accurate|correct|sufficient)|dis(?:agree|approv)\w*|illeg\w+|illicit"
    r"|contra|prohib\w+|impid\w+|evit\w+|falt\w+|cancel\w+|descart\w+|fracas\w+|deneg\w+)"
)
_BOUNDARIES = frozenset(
    "but and because although though while whereas who which pero sino y porque aunque mientras quien".split()  # noqa: SIM905
)
_EMPTY = frozenset(
    """claim claims claimed allegation allegations accusation accusations report reports idea suggestion suggestions
    longer yet ever even immediately really actually directly simply publicly formally acusacion acusaciones alegato
    haber habia""".split()  # noqa: SIM905
)
_NO_NEGATION = re.compile(
    r"\b(?:not (?:only|just|merely|simply)|no doubt|no (?:solo|sólo)|no sooner|nothing but|no\. ?\d|none other than"
    r"|why not|whether or not|if not)\b|^\W*no[,.:;]|\b(?:no|sí|yes)[,;]",
    re.IGNORECASE,
)
_OPPOSITES = tuple(
    (frozenset(map(key, left.split())), frozenset(map(key, right.split())))
    for left, right in (
        ("approve accept adopt back endors support favor favour", "reject refus oppos veto"),
        ("allow permit authoriz authoris", "ban forbid prohibit bar"),
        (
            "increas ris rise rose risen grow grew grown climb gain",
            "decreas fall fell fallen drop declin shrink shrank",
        ),
        ("more", "less fewer"),
        ("first", "last"),
        ("raise raised raises raising", "lower lowered lowers lowering reduce reduced reduces reducing"),
        (
            "praise praised praises applauded hailed",
            "criticise criticised criticize criticized condemned denounced",
        ),
        ("defend defended defends", "attack attacked attacks"),
        ("accept accepted accepts", "declined declines"),
        ("true correct accurate", "false untrue wrong incorrect"),
        ("profit profited benefit benefited", "suffer suffered suffers"),
        ("quickened accelerated", "slowed slow"),
        ("loud", "quiet"),
        ("strong stronger", "weak weaker"),
        ("mas", "menos"),
        ("elogio elogiaron", "critico criticaron"),
        ("guilty convict", "innocent acquit"),
        ("confirm admit acknowledg", "deny denied refut"),
        ("alive surviv", "dead kill died dy"),
        ("begin began start", "end ended stop cease"),
        ("open opened", "clos close"),
        ("higher", "lower"),
        ("legal", "illegal"),
        ("lawful", "unlawful"),
        ("win won", "lose lost"),
        ("north northern", "south southern"),
        ("east eastern", "west western"),
        ("major majority", "minor minority"),
        ("public publicly", "private privately"),
        ("largest biggest most", "smallest least fewest"),
        ("oldest eldest", "youngest newest"),
        ("always", "never"),
        ("hir appoint", "fir dismiss sack"),
        ("aument aumento", "disminuy redujo cayo baj"),
        ("aprob aprobo aprobaron acept", "rechaz rechazo rechazaron"),
        ("culpabl", "inocent"),
        ("abri", "cerr cerro"),
        ("vivo viva", "muert"),
    )
)
_PREFIXES = ("un", "il", "im", "ir", "in", "dis", "non", "de")
_PREFIXED_END = re.compile(r"(?:ible|able|ent|ant|al|ct|te|ful|ed|ure|ity|ly|wn|ar|est|al|ably|ibly)$")
_IRREGULAR = """
    take took taken|give gave given|go went gone|send sent|pay paid|know knew known|see saw seen|say said|make made
    |find found|leave left|hold held|keep kept|meet met|get got gotten|buy bought|sell sold|tell told|speak spoke spoken
    |write wrote written|steal stole stolen|break broke broken|choose chose chosen|begin began begun|fall fell fallen
    |grow grew grown|rise rose risen|fly flew flown|draw drew drawn|drive drove driven|eat ate eaten|win won|lose lost
    |build built|spend spent|lend lent|catch caught|bring brought|think thought|seek sought|teach taught|fight fought
    |hear heard|lead led|feed fed|flee fled|strike struck|swear swore sworn|wear wore worn|tear tore torn|bear bore born
    |come came|become became|run ran|sink sank sunk|swim swam swum|shoot shot|sit sat|stand stood|feel felt|deal dealt
    |understand understood|mean meant|show shown|prove proven|hide hid hidden|ride rode ridden|throw threw thrown
    |withdraw withdrew withdrawn|forbid forbade forbidden|undergo underwent|sue sued|die died dying
"""
_BASES = {
    form: forms.split()[0] for forms in _IRREGULAR.split("|") if forms.strip() for form in forms.split()
}


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one negation governs: its head first. `subject`: the content words before it in its clause."""

    kind: str  # "negator", "denial" or "weak"
    word: str
    governed: tuple[str, ...]
    printed: tuple[str, ...]
    subject: tuple[str, ...]


@dataclass(frozen=True)
class _Reading:
    scopes: tuple[_Scope, ...]
    plain: frozenset[str]  # content words outside every negation
    pairs: frozenset[tuple[str, str]]  # each of these with the content word before it
    content: frozenset[str]

    @property
    def negated(self) -> frozenset[str]:
        return frozenset(word for scope in self.scopes for word in scope.governed)

    def has(self, *kinds: str) -> bool:
        return any(scope.kind in kinds for scope in self.scopes)


def negation_changed(statement: str, quotes: Sequence[str], *, same_language: bool = True) -> str | None:
    """The reason where a negation was added or lost against `quotes`; None where nothing is wrong to see."""
    said, sources = _read(statement), [_read(quote) for quote in quotes]
    plain = frozenset(word for each in sources for word in each.plain)
    negated = frozenset(word for each in sources for word in each.negated)
    if not same_language:
        return _between_languages(said, sources)
    for scope in said.scopes:
        if scope.kind == "weak":
            continue
        if not any(each.scopes for each in sources):
            return f"it says “{scope.word}”, which the source does not"
        if not scope.governed:
            continue
        head = scope.governed[0]
        if scope.kind != "negator" or head in _EMPTY:
            continue
        shared = any(_in(word, negated) for word in scope.governed)
        if not shared and any(_in(word, plain) for word in scope.governed):
            return f"it says “{scope.word} … {scope.printed[0]}”, the source negates something else"
        if _in(head, plain) and not _in(head, negated):
            return f"it says “{scope.word} … {scope.printed[0]}”, the source says so without “{scope.word}”"
    for source in sources:
        for scope in source.scopes:
            if scope.governed and (reason := _lost(scope, source, said, plain)):
                return reason
    return None


def _lost(scope: _Scope, source: _Reading, said: _Reading, plain: frozenset[str]) -> str | None:
    heads = [word for word in scope.governed if word not in _EMPTY]
    if not heads:
        return None
    printed = scope.printed[scope.governed.index(heads[0])]
    reason = f"the source says “{scope.word} … {printed}”, the statement says so without “{scope.word}”"
    if scope.kind == "negator":
        told = _in(heads[0], said.plain) and not _in(heads[0], said.negated)
        pair = (scope.subject[-1] if scope.subject else "", heads[0])
        same_pair = (
            pair in said.pairs and pair not in source.pairs
        )  # it stands elsewhere too, but not after this word
        return reason if told and (same_pair or not _in(heads[0], plain)) else None
    if scope.kind == "denial" and not said.scopes and any(_in(head, said.plain) for head in heads[:3]):
        clause = frozenset((*scope.governed, *scope.subject))
        elsewhere = [
            word for word in said.content if not _in(word, clause) and _in(word, source.content)
        ]  # what the statement says is from another part of the sentence
        about = not scope.subject or any(_in(word, said.content) for word in scope.subject)
        return reason if about and not elsewhere else None
    return None


def _between_languages(said: _Reading, sources: Sequence[_Reading]) -> str | None:
    if said.has("negator", "denial") and not any(source.scopes for source in sources):
        return "it says “not” in its language, which the source does not"
    if len(sources) == 1 and sources[0].has("negator", "denial") and not said.scopes:
        single = sources[0].scopes[0]
        if len(single.subject) <= 3:  # the sentence's own verb, not one of a later clause
            return f"the source says “{single.word}”, the statement does not"
    return None


def opposite(statement: str, quotes: Sequence[str]) -> str | None:
    """The reason where the statement has the opposite of a word that its quotes have; None otherwise."""
    said, have = _bare_words(statement), frozenset(word for quote in quotes for word in _bare_words(quote))
    telling, sources = _read(statement), [_read(quote) for quote in quotes]
    # "did not approve" for "rejected" is right, and so is "rejected" for "did not approve"
    turned = telling.negated | {word for each in sources for word in each.negated}
    for left, right in _OPPOSITES:
        for mine, other in ((left, right), (right, left)):
            told, source = _listed(said, mine), _listed(have, other)
            if not told or not source or _listed(have, mine) or _listed(said, other):
                continue
            if not _in(_key(told), turned) and not _in(_key(source), turned):
                return f"it says “{told}”, the source “{source}”"
    if any(scope.kind != "weak" for scope in telling.scopes):
        return None
    if any(scope.kind == "negator" for each in sources for scope in each.scopes):
        return None
    for word in said:
        if len(word) >= 4 and word not in have and _PREFIXED_END.search(word):
            for prefix in _PREFIXES:
                if (
                    prefix + word in have
                    and prefix + word not in said
                    and not _in(_key(prefix + word), turned)
                ):
                    return f"it says “{word}”, the source “{prefix + word}”"
                stripped = word.removeprefix(prefix)
                if stripped == word or len(stripped) < 4 or _in(_key(stripped), turned):
                    continue
                if stripped in have and stripped not in said:
                    return f"it says “{word}”, the source “{stripped}”"
    return None


def _listed(found: frozenset[str], wanted: frozenset[str]) -> str | None:
    return next((word for word in sorted(found) if key(word) in wanted), None)


def _bare_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d_]+", fold(text)))


def _read(text: str) -> _Reading:
    harmless = [match.span() for match in _NO_NEGATION.finditer(text)]
    tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
    governed: set[int] = set()
    scopes: list[_Scope] = []
    for index, (word, at) in enumerate(tokens):
        if any(start <= at < end for start, end in harmless):
            continue
        plain = fold(word)
        following = fold(tokens[index + 1][0]) if index + 1 < len(tokens) else ""
        kind = _kind(plain, following)
        if not kind:
            continue
        places = list(_governed(tokens, index + (2 if (plain, following) in _PAIRS else 1)))
        if kind != "weak":
            governed.update(places)
        before = _subject(tokens, index)
        printed = tuple(tokens[place][0] for place in places)
        scopes.append(_Scope(kind, word, tuple(_key(each) for each in printed), printed, before))
    content = [(index, _key(word)) for index, (word, _) in enumerate(tokens) if _is_content(word)]
    return _Reading(
        tuple(scopes),
        frozenset(word for index, word in content if index not in governed),
        frozenset(
            (before, word) for (_, before), (index, word) in pairwise(content) if index not in governed
        ),
        frozenset(word for _, word in content),
    )


_PAIRS = {("turned", "down"), ("ruled", "out"), ("called", "off")}


def _kind(word: str, following: str) -> str:
    if word in _NEGATORS or word.endswith("n't"):
        return "negator"
    if (word, following) in _PAIRS or _DENIALS.fullmatch(word):
        return "denial"
    return "weak" if _WEAK.fullmatch(word) else ""


def _governed(tokens: Sequence[tuple[str, int]], start: int) -> list[int]:
    """Indexes of the content words that a negation in front of `start` governs."""
    places: list[int] = []
    if start < len(tokens) and tokens[start][0] == ",":  # "were not, by their own account, towed"
        start = next((at + 1 for at in range(start + 1, len(tokens)) if tokens[at][0] == ","), start)
    for index in range(start, min(len(tokens), start + _WINDOW)):
        word = tokens[index][0]
        if not word[0].isalnum() or fold(word) in _BOUNDARIES:
            if places or word[0] in ".;!?\n":
                break
            continue
        if _is_content(word):
            places.append(index)
    return places


def _subject(tokens: Sequence[tuple[str, int]], index: int) -> tuple[str, ...]:
    found: list[str] = []
    for word, _ in reversed(tokens[:index]):
        if not word[0].isalnum() or fold(word) in _BOUNDARIES:
            break
        if _is_content(word):
            found.insert(0, _key(word))
    return tuple(found)


def _is_content(word: str) -> bool:
    plain = fold(word)
    if not word[0].isalnum() or plain in STOPWORDS or plain in _NEGATORS or plain.endswith("n't"):
        return False
    return plain not in ("did", "does", "do", "would", "could", "also")


def _key(word: str) -> str:
    plain = fold(word)
    return key(_BASES.get(plain, plain))


def _in(word: str, words: frozenset[str]) -> bool:
    return word in words or any(alike(word, other) for other in words)
