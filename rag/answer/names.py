"""Capitalised names of a statement, and whether the texts that it rests on have them.

A name is compared word by word without case, accents and possessives, and neighbours in it must be neighbours in the
source: "Ana Quill" does not stand in "Ana Ruiz met Marta Quill". What has two forms is one: "FBI" and "Federal Bureau of
Investigation", "Mexican" and "Mexico", "Estados Unidos" and "United States", "Quill" for a "Marta Quill" of the same
document. Known gap: two people of one document with one surname.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

from rag.answer.figures import MONTHS
from rag.answer.number_words import NUMBER_WORDS
from rag.types import Document, Span
from rag.words import STOPWORDS

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_][^\W_]*(?:['’-][^\W_]+)*")
_LINKS = frozenset("de del la las los van von der da di bin ibn al el of the for".split())  # noqa: SIM905
_SENTENCE_START = re.compile(r"(?:^|[.!?:;…]|\n)[\s\"“”'‘’«»¿¡(\[—–-]*$")
_COURTESY = frozenset("mr mrs ms miss mx dr sr sra srta dra don dona sir madam lady lord".split())  # noqa: SIM905
_ROLES = frozenset(
    """president presidente presidenta minister ministro ministra senator senador senadora governor gobernador
    gobernadora mayor alcalde alcaldesa judge juez jueza justice secretary secretario secretaria director directora
    chief ceo cfo chairman chairwoman chair spokesman spokeswoman spokesperson portavoz vocero vocera professor
    profesor profesora general colonel coronel captain capitan sergeant lieutenant officer sheriff prosecutor fiscal
    attorney lawyer councillor councilman councilwoman congressman congresswoman representative rep sen gov
    prime vice deputy former ex king queen prince princess pope papa bishop obispo ambassador embajador embajadora
    inspector detective commissioner comisario editor reporter journalist periodista""".split()  # noqa: SIM905
)
# One thing in two languages, or a name and its adjective. Abbreviations in capitals only.
_SAME = (
    r"united states(?: of america)?|u\.?s\.?(?:a\.?)?|estados unidos|ee\. ?uu\.?"
    r"|americans?|estadounidenses?|norteamerican[oa]s?",
    r"united kingdom|u\.?k\.?|reino unido|britain|great britain|british|británic[oa]s?|gran bretaña",
    r"united nations|u\.?n\.?|naciones unidas|onu", r"european union|e\.?u\.?|unión europea|u\.?e\.?",
    r"france|francia|french|frances[ae]?s?", r"germany|alemania|germans?|alem[aá]n(?:a|es)?", r"japan|japón|japanese",
    r"spain|españa|spanish|español(?:a|es|as)?", r"england|inglaterra|english|inglés|inglesa", r"greece|grecia|greeks?",
    r"netherlands|holland|países bajos|holanda|dutch", r"switzerland|suiza|swiss", r"london|londres",
    r"new york|nueva york", r"russia|rusia|russians?|rus[oa]s?", r"south korea|corea del sur",
    r"north korea|corea del norte", r"saudi arabia|arabia saudí|saudis?", r"turkey|turquía|turkish|turc[oa]s?",
    r"brazil|brasil|brazilians?", r"sweden|suecia|swedish|swedes?", r"poland|polonia|polish", r"egypt|egipto|egyptians?",
    r"white house|casa blanca", r"supreme court|corte suprema|tribunal supremo", r"congress|congreso",
    r"department|departamento", r"justice|justicia", r"ministry|ministerio|secretaría", r"university|universidad",
    r"government|gobierno", r"party|partido", r"national|nacional", r"court|corte|tribunal", r"senate|senado",
    r"republic|república", r"bank|banco", r"state|estado", r"police|policía", r"army|ejército", r"island|isla",
    r"north|norte", r"south|sur", r"east|este", r"west|oeste", r"world|mundial|mundo", r"health|salud",
    r"monday|lunes", r"tuesday|martes", r"wednesday|miércoles", r"thursday|jueves", r"friday|viernes",
    r"saturday|sábado", r"sunday|domingo", r"christmas|navidad", r"president|presidente|presidenta",
    r"minister|ministr[oa]", r"senator|senador(?:a)?", r"governor|gobernador(?:a)?", r"mayor|alcalde|alcaldesa",
    r"secretary|secretari[oa]", r"judge|juez|jueza", r"syria|siria|syrians?", r"ukraine|ucrania|ukrainians?",
    r"lebanon|líbano|lebanese", r"iraq|irak|iraqis?", r"iran|irán|iranians?", r"israel|israelis?|israelíes|israelí",
    r"china|chinese|chin[oa]s?", r"peru|perú|peruvians?|peruan[oa]s?", r"italy|italia|italians?|italian[oa]s?",
    r"el salvador|salvadorans?|salvadoreñ[oa]s?", r"texas|texans?|tejan[oa]s?", r"philippines|filipinas|filipin[oa]s?",
)  # fmt: skip
_UPPER_ONLY = {"us", "un", "uk", "eu", "ue", "este", "sur", "papa"}
_CANONICAL = [
    (re.compile(rf"(?<![\w.])(?:{forms})(?!\w)", re.IGNORECASE), f"same{index:02d}")
    for index, forms in enumerate(_SAME)
]
_US = re.compile(r"\bUS\b(?!\$)")
_DEMONYM = re.compile(r"(?:ian|ean|an|n|ese|ish|i|ans|ians|eno|ena|enos|ano|ana|anos|es|esa)$")
_COMMON_END = re.compile(
    r"(?:ing|ings|edly|ly|tion|tions|ment|ments|ness|ities|ity|sion|sions|ists|ers|ors|ees|ants|ents|cion|ciones|mente|dad"
    r"|dades|ores|istas|ados|adas)$"
)
_OPENERS = frozenset(
    """according additionally afterwards again ago all almost alone along already also although altogether among amid
    around authorities both people officials official police men women children residents witnesses soldiers troops
    prisoners critics experts lawyers reports sources members families voters workers victims someone somebody everyone
    anyone nobody none nothing something everything few fewer further furthermore finally hence however instead later
    earlier less many meanwhile moreover most much nearly neither nevertheless next once others otherwise per perhaps
    previously rather recently several since so soon still such then there therefore though three thus today together
    tomorrow total ultimately unlike until upon usually what whatever whether while within yes yesterday yet never
    además ahora algunos alguna algunas ambos antes así aunque autoridades cada casi como cuando después durante ella
    ellos entonces entre finalmente gente hasta hoy luego mientras muchos mujeres hombres niños nunca otros para pero
    alguien nadie ninguno ninguna ningún cualquier cualquiera contando
    personas policía posteriormente previamente primero puede quienes segundo según siempre solo sólo también tampoco
    tanto todavía todo todos tras unos varias varios funcionarios testigos víctimas aproximadamente más menos
    well yeah yea sure indeed absolutely even due because
    each every another any either none no not two one first second last new old top senior local federal national
    state city county court government parliament congress company group team family document documents article report
    letter email memo study statement agency ministry office spokesperson spokesman spokeswoman lawmakers protesters
    detainees passengers employees students teachers doctors patients investigators prosecutors inspectors crew staff
    el la los las un una""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a name: its comparison form and where it stands."""

    form: str
    text: str
    span: Span


@dataclass(frozen=True)
class Grounds:
    """The texts that a statement's names may come from.

    `near`: cited sentences, the question, what is known about the cited documents. `around`: the passages that were
    shown of the cited documents, which only complete a name that is there in part.
    """

    near: tuple[str, ...]
    around: tuple[str, ...] = ()

    def forms(self) -> frozenset[str]:
        return frozenset(form for text in self.near for form in _forms(text))


def metadata_texts(document: Document) -> tuple[str, ...]:
    """What a statement may say about where a quote stands: title, outlet, author, and the day and its weekday."""
    day = document.published and dt.datetime.fromisoformat(document.published)
    weekday = (
        day.strftime("%A") if day else ""
    )  # in English whatever the locale of this process: it is never set
    return tuple(part for part in (document.title, document.source, document.author, weekday) if part)


def missing_name(statement: str, grounds: Grounds) -> str | None:
    """The first name of `statement` that its grounds do not have, as printed; None where they have all."""
    have = grounds.forms()
    lower = frozenset(
        word for text in (*grounds.near, *grounds.around) for word in _WORD.findall(text) if word[0].islower()
    )
    for run in _runs(statement):
        content = [token for token in run if token.form not in _COURTESY and token.form != "i"]
        if (
            _starts_sentence(statement, run[0])
            and run[0] in content
            and _is_common(run[0], lower, len(run) > 1)
        ):
            content.remove(run[0])
        if not content:
            continue
        absent = [token for token in content if not _has(token, have)]
        if absent and not _completed(content, absent, grounds) and not _short_form(content, grounds):
            absent = [each for each in absent if not _role_around(each, grounds)]
            if absent:
                return " ".join(token.text for token in absent)
        if not absent and (apart := _apart(content, have, grounds)):
            return apart
    return None


def _runs(text: str) -> list[list[Token]]:
    """Names: neighbouring words with a capital, over one linking word at most two."""
    canonical, runs = _canonical(text), list[list[Token]]()
    end, links = -1, 0
    for match in _WORD.finditer(canonical):
        word = match.group()
        between = canonical[end : match.start()] if end >= 0 else ""
        if word.casefold() in _LINKS and end >= 0 and between == " " and links < 2:
            links, end = links + 1, match.end()
            continue
        if not _is_capital(word):
            end = -1
            continue
        token = Token(
            _form(word), _printed(text, word, match.start(), canonical), Span(match.start(), match.end())
        )
        if token.form in MONTHS or all(part in NUMBER_WORDS for part in token.form.split("-")):
            end = -1
        elif end >= 0 and between == " " and runs:
            runs[-1].append(token)
            end, links = match.end(), 0
        else:
            runs.append([token])
            end, links = match.end(), 0
    return runs


def _printed(text: str, word: str, at: int, canonical: str) -> str:
    """The word as the statement has it; a canonical form stands for whatever was at its place."""
    if not re.fullmatch(r"Same\d\d", word):
        return word
    pattern = _CANONICAL[int(word[4:])][0]
    before = len(re.findall(word, canonical[:at]))
    found = [match.group() for match in pattern.finditer(text)]
    return found[min(before, len(found) - 1)] if found else word


def _canonical(text: str) -> str:
    """`text` with what has two forms in one form; capitalised where the original was."""
    text = _US.sub("United States", text)
    for pattern, name in _CANONICAL:
        text = pattern.sub(partial(_replacement, name=name), text)
    return text


def _replacement(match: re.Match[str], name: str) -> str:
    found = match.group()
    if found.casefold().replace(".", "") in _UPPER_ONLY and not found.replace(".", "").isupper():
        return found
    return name.capitalize() if found[0].isupper() else name


def _is_capital(word: str) -> bool:
    return word[0].isupper() or (
        len(word) > 2 and word[0].isalpha() and any(char.isupper() for char in word[1:])
    )


def _is_common(token: Token, lower: frozenset[str], followed: bool) -> bool:
    """Whether a capital at the beginning of a sentence is only that."""
    if re.fullmatch(r"same\d\d", token.form):
        return False
    word = token.text.casefold()
    bare = re.sub(r"['’]\w*$", "", word)
    if (
        word in STOPWORDS
        or bare in STOPWORDS
        or word in _OPENERS
        or _plain(word) in _OPENERS
        or word in lower
    ):
        return True
    return not followed and _COMMON_END.search(_plain(word)) is not None and not token.text.isupper()


def _starts_sentence(text: str, token: Token) -> bool:
    canonical = _canonical(text)
    return _SENTENCE_START.search(canonical[: token.span.start]) is not None


def _has(token: Token, have: frozenset[str]) -> bool:
    if (
        token.form in have
        or (token.form.endswith("s") and token.form[:-1] in have)
        or f"{token.form}s" in have
    ):
        return True
    if "-" in token.form and all(part in have for part in token.form.split("-")):
        return True
    stem = _DEMONYM.sub("", token.form)
    if stem != token.form and len(stem) >= 4:  # Mexican, Peruvian: the country is there
        return any(other.startswith(stem) and len(other) - len(stem) <= 2 for other in have)
    return (
        len(token.form) >= 5
        and any(  # Mexico, where the source has Mexican
            _DEMONYM.sub("", other) in (token.form, token.form[:-1]) and other != token.form
            for other in have
            if other.startswith(token.form[:-1])
        )
    )


def _completed(content: Sequence[Token], absent: Sequence[Token], grounds: Grounds) -> bool:
    """Whether a part of the name is near, and the whole name stands around: "Marta Quill" where the quote has "Quill"."""
    if len(absent) == len(content):
        return False
    wanted = [token.form for token in content]
    return any(_together(wanted, _forms(text)) for text in grounds.around)


def _short_form(content: Sequence[Token], grounds: Grounds) -> bool:
    """FBI for Federal Bureau of Investigation, and the other way round."""
    texts = grounds.near
    if len(content) == 1 and content[0].text.replace(".", "").isupper() and 2 <= len(content[0].form) <= 6:
        wanted = content[0].form
        return any(_initials(run) == wanted for text in texts for run in _runs(text) if len(run) > 1)
    short = _initials(content).upper()
    return len(content) > 1 and any(
        word.replace(".", "") == short for text in texts for word in _WORD.findall(text)
    )


def _initials(run: Sequence[Token]) -> str:
    return "".join(token.form[0] for token in run)


def _role_around(token: Token, grounds: Grounds) -> bool:
    return token.form in _ROLES and any(token.form in _forms(text) for text in grounds.around)


def _apart(content: Sequence[Token], have: frozenset[str], grounds: Grounds) -> str | None:
    """Two neighbours of a name that are nowhere neighbours in the grounds, as printed."""
    for left, right in pairwise(content):
        loose = {left.form, right.form} & _ROLES or left.text.isupper() or right.text.isupper()
        loose = loose or any(re.fullmatch(r"same\d\d", each.form) for each in (left, right))
        if loose or not (
            {left.form, right.form} <= have
        ):  # an adjective of a country is there in another form
            continue
        pair = [left.form, right.form]
        if not any(_together(pair, _forms(text)) for text in (*grounds.near, *grounds.around)):
            return f"{left.text} {right.text}"
    return None


def _together(wanted: Sequence[str], forms: Sequence[str]) -> bool:
    """Whether the words follow each other in `forms`, with at most three others between two of them."""
    for start, form in enumerate(forms):
        if form != wanted[0]:
            continue
        at = start
        for each in wanted[1:]:
            window = forms[at + 1 : at + 5]
            if each not in window:
                break
            at += 1 + list(window).index(each)
        else:
            return True
    return False


@lru_cache(maxsize=2048)
def _forms(text: str) -> tuple[str, ...]:
    return tuple(_form(match.group()) for match in _WORD.finditer(_canonical(text)))


def _form(word: str) -> str:
    return re.sub(r"['’]s?$", "", _plain(word).replace(".", ""))


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
