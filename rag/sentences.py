"""Sentence boundaries, for English and Spanish first and reasonable for other European languages.

Own rules rather than a library, because offsets must be exact by construction and lines matter: documents arrive as
hard-wrapped mails, PDF lines, headings without a stop, lists and table rows. Three steps, each narrowing the last:
blank lines always end a sentence; a single line break ends one unless the line looks wrapped; inside what is left,
terminators end one unless the word before (an abbreviation, an initial) or after (in lower case) says otherwise.

Gaps left open: "…in the U.S. Officials said" is not split, because "U.S. Officials" may be one name: after an
abbreviation only words that cannot continue a name (`_STARTERS`) begin a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.types import Span


def sentences(text: str, language: str | None = None) -> list[Span]:
    """Spans of the sentences of `text`, ascending, without overlap, with white space only between them.

    Every character that is not white space lies in one; none crosses a blank line; white space at either end is left
    out, closing quotation marks and brackets belong to the sentence that they close. `language` (ISO 639-1) settles
    the few abbreviations that languages disagree about; None takes all rules together.
    """
    found: list[Span] = []
    for start, end in _blocks(text):
        for first, last in _joined_lines(text, start, end):
            found += _split(text, first, last, language)
    return found


# --- lines -------------------------------------------------------------------------------------------------------

_BLANK = re.compile(r"\n\s*\n")
_LIST_ITEM = re.compile(
    r"\s*(?:[-*•‣▪◦·–—►✓]\s|(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|\(\w{1,3}\)\s|[—–]\w|#{1,6}\s|>)"
)
_COLUMNS = re.compile(r"\t|\s\|\s|^\s*\||\S {3,}\S")
_NARROW, _WIDE = 40, 120  # lines of a text that was wrapped by a program are between these


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for blank in _BLANK.finditer(text):
        yield start, blank.start()
        start = blank.end()
    yield start, len(text)


def _joined_lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of one block that hold whole sentences: its lines, joined where a line was only wrapped."""
    lines = []
    at = start
    while at <= end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        lines.append((at, stop, text[at:stop]))
        at = stop + 1
    if len(lines) == 1:
        yield start, end
        return
    width = max(len(line.rstrip()) for _, _, line in lines)
    fits = [_wraps(lines[i][2], lines[i + 1][2], width) for i in range(len(lines) - 1)]
    # A list of headlines has some lines that happen to be as long as the longest; wrapped prose has nearly all.
    wrapped = _NARROW <= width <= _WIDE and sum(fits) >= 0.6 * len(fits)
    first = start
    for i, fit in enumerate(fits):
        before, after = lines[i][2], lines[i + 1][2]
        if not _continues(before, after, wrapped and fit):
            yield first, lines[i][1]
            first = lines[i + 1][0]
    yield first, end


def _wraps(line: str, following: str, width: int) -> bool:
    """True where greedy wrapping at about `width` would have broken here: the next word did not fit any more."""
    words = following.split(maxsplit=1)
    return not words or words[0][0].islower() or len(line.rstrip()) + 1 + len(words[0]) > 0.85 * width


def _continues(line: str, following: str, wrapped: bool) -> bool:
    if _LIST_ITEM.match(following) or _COLUMNS.search(line) or _COLUMNS.search(following):
        return False
    stripped = line.rstrip()
    start = following.lstrip()[:1]
    if wrapped:
        return True
    return start.islower() and len(stripped) >= _NARROW // 2 and stripped[-1:] not in _ENDS


# --- sentences ---------------------------------------------------------------------------------------------------

_ENDS = ".!?…‽؟۔।॥。！？｡:"
_CLOSE = "\"'”’»›)\\]}」』）"
_TERMINATOR = re.compile(
    rf"(?<![.!?…‽؟۔।॥])(?P<mark>[.!?…‽؟۔।॥]+)(?P<close>[{_CLOSE}]*(?:\[\d{{1,3}}\])*(?:[ \u00a0\u202f]»)?)(?=\s|\Z)"
    rf"|(?<![。！？｡])(?P<cjk>[。！？｡]+)[{_CLOSE}]*"
)
_WORD = re.compile(r"[^\s\"'“”‘’«»()\[\]{}—–/,;:¿¡-]+\Z")
_NEXT = re.compile(r"[\s\"'“‘«‹(\[{¿¡*_—–-]*")
_NEXT_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\Z")
_QUOTES = set("\"'”’»›」』")
_NO_START = set(".,;:!?…)]}”’»›%。！？、，」』）")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# What follows belongs to it; a sentence never ends here. Written in any case, or with a capital only.
_NEVER = _words(
    "e.g i.e eg ie vs viz cf v p.ej ej z.b d.h bzw mr mrs ms mx messrs dr dra drs gral sra srta srtas"
)
_NEVER_CAPITAL = _words(
    """Mme Mlle Prof Profa Gen Lt Lieut Col Cnel Sgt Capt Cpt Cmdr Cdr Adm Maj Brig Sen Rep Reps Sens Gov Pres Rev Hon
    Supt Insp Det Amb Atty Asst Assn Fr Hr Lic Ing Arq Mons Pbro Sres Sras EE JJ FF DD HH RR Cía Msgr Mgr Sta Sto
    Dña"""
)
# A number follows, or else it is an ordinary word.
_BEFORE_NUMBER = _words(
    """no nos nº núm num nr n p pp pg pág págs art arts fig figs sec secs ch chap cap vol vols ed eds par párr ap apdo
    ver ca c circa approx aprox tel ext op lit exp fol ln ll apt rm"""
)
# An abbreviation that may also end its sentence: only a word of `_STARTERS` begins the next one.
_MAYBE = _words(
    "sr jr inc corp ltd llc bros dept govt esq phd m.d ph.d etc ud uds vd vds s.a c.v s.l d.c a.m p.m lit"
)
_MAYBE_CAPITAL = _words(
    """Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Co Cos Univ St Ste
    Mt Ft Ave Av Avda Blvd Rd Hwy Sq UU OO AA HH Calif Fla Mass Mich Minn Tenn Tex Wash Ariz Colo Conn Ga Ill Ind Kan
    Ky La Md Mo Mont Neb Nev Okla Ore Pa Va Vt Wis Wyo Ala Ark Intl Natl al"""
)
_CLOCK_AND_FIRMS = {"p.m", "a.m", "etc", "jr", "sr", "inc", "corp", "ltd", "llc", "d.c", "u.s", "u.k"}
_STARTERS = _words(
    """The A An He She It They We You In On At But And Or So However This That These Those There Then When While Where
    After Before As If For From His Her Its Their Our My Your Some Many Most Several Meanwhile Also Although Though
    Because Since Since With Without What Who Why How Which Here Not Now One Two Three By To Until During Under Once
    Among According Both Each Every All Another Other Others Such Yet Nor No Yes Still Even Only Just Instead Later
    Earlier Today Yesterday Tomorrow Last Thus Therefore Hence Indeed Finally First Next Either Neither Few Again Of
    It's He's She's They're We're That's There's I'm Don't
    El La Los Las Un Una Unos Unas En Pero Y O Según Además También Este Esta Estos Estas Ese Esa Esos Esas Aquel Ello
    Ellos Ellas Él Ella Su Sus Nuestro Nuestra Por Para Con Sin Sobre Desde Hasta Entre Cuando Donde Mientras Después
    Antes Aunque Porque Como Si Sí Al Del Ayer Hoy Mañana Tras Durante Ante Lo Le Les Se Hay Ya Luego Así Entonces
    Muchos Muchas Algunos Algunas Otro Otra Otros Otras Cada Todo Toda Todos Todas Qué Quién Cómo Cuándo Dónde Esto
    Le Les Une Des Il Elle Ils Elles Nous Mais Dans Selon Der Die Das Ein Eine Er Sie Es Wir Aber Und Im Nach Bei
    O Os As Um Uma Mas Ele Ela Eles Elas Na Nas Nos Gli Uno Ma Nel Nella Secondo"""
)
_SPANISH_TITLES = {"sr", "sres", "d"}
_SAID = (
    "said|says|asked|asks|added|adds|told|wrote|writes|replied|replies|answered|shouted|cried|wondered|demanded|"
    "exclaimed|tweeted|posted|continued|recalled|joked|insisted|declared|yelled|"
    "dijo|dice|preguntó|pregunta|exclamó|agregó|añadió|respondió|contestó|escribió|gritó|señaló|afirmó|insistió"
)
_ATTRIBUTION = re.compile(rf"(?:[^\W\d_][\w.’'-]*\s+){{1,4}}(?:{_SAID})\b")
_GERMAN_MONTH = re.compile(
    r"Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert"
)


def _split(text: str, start: int, end: int, language: str | None) -> Iterator[Span]:
    first = _skip_space(text, start, end)
    for match in _TERMINATOR.finditer(text, first, end):
        if match.end() < end and match.start() >= first and _is_end(text, first, end, match, language):
            yield Span(first, match.end())
            first = _skip_space(text, match.end(), end)
    while end > first and text[end - 1].isspace():
        end -= 1
    if end > first:
        yield Span(first, end)


_SPACE = re.compile(r"\s*")


def _skip_space(text: str, start: int, end: int) -> int:
    found = _SPACE.match(text, start, end)
    return found.end() if found else start


def _is_end(text: str, first: int, end: int, match: re.Match[str], language: str | None) -> bool:
    """True where the terminator at `match` ends the sentence that began at `first`."""
    following = _skip_space(text, match.end(), end)
    if following == end:
        return False  # nothing but white space follows: the remainder is one sentence anyway
    if match["cjk"]:
        return text[following] not in _NO_START
    if text[following] in _NO_START:
        return False
    opened = _NEXT.match(text, match.end(), end)
    begins = opened.end() if opened else following
    if begins < end and text[begins].islower():
        return False
    closes_quote = not _QUOTES.isdisjoint(match["close"])
    if match["mark"] != ".":
        # “Will they come back?” Smith asked.
        return not (closes_quote and _ATTRIBUTION.match(text, following, min(end, following + 80)))
    word_match = _WORD.search(text, max(first, match.start() - 24), match.start())
    if word_match is None or match["close"]:
        return True
    if text[following] in "([" and _is_abbreviation(word_match.group()):
        return False  # “Kim et al. (2002)”
    return _ends_after(text, first, begins, end, word_match, language)


def _is_abbreviation(word: str) -> bool:
    """True for an initial, for letters with stops between them (U.S) and for the listed words."""
    if word.lower() in _MAYBE or word in _MAYBE_CAPITAL or (len(word) == 1 and word.isupper()):
        return True
    return "." in word and all(len(part) <= 2 and not part.isdigit() for part in word.split("."))


def _ends_after(
    text: str, first: int, begins: int, end: int, before: re.Match[str], language: str | None
) -> bool:
    """True where a word with a full stop, followed by something not in lower case, ends its sentence."""
    word = before.group()
    folded = word.lower()
    if before.start() == first and _NUMBERED.match(word):
        return False  # the number of a list item
    if folded in _NEVER or word in _NEVER_CAPITAL or (language == "es" and folded in _SPANISH_TITLES):
        return False
    if begins < end and text[begins].isdigit():
        return not (folded in _BEFORE_NUMBER or (_is_abbreviation(word) and folded not in _CLOCK_AND_FIRMS))
    if language == "de" and word.isdigit() and len(word) <= 2:
        return not _GERMAN_MONTH.match(text, begins, end)
    if _is_abbreviation(word):
        next_word = _NEXT_WORD.match(text, begins, end)
        starts = next_word is not None and next_word.group().replace("’", "'") in _STARTERS
        if folded in {"sr", "jr"} and before.start() <= first:
            return False  # a title at the beginning: “Sr. Pérez”
        return starts
    return True
