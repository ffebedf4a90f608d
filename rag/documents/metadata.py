"""What a text says about itself: title, outlet, author, dates. Unknown is None, never a guess.

Only lines that are nothing but a byline, a date or a credit are read, and only above the first running text (a date
with a label, "Updated: …", counts anywhere): a date in the middle of a sentence is about the story, not the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.documents.dates import date_in_line
from rag.documents.lines import Unit, units_of, within
from rag.types import Span

_CREDIT_LINE = re.compile(
    r"(?P<outlet>[^\W\d_][\w.&’' -]{2,50}?)\s*(?:,|\||–|—|-|·)\s*"
    r"(?:(?:\w+ )?(?:briefing|report|memo|note|bulletin|issue|edition|statement|boletín|informe|nota)"
    r" (?:of|dated|from|de|del) )?"
    r"(?P<date>\S.{5,40})"
)

_WORD = r"(?:[A-ZÁÉÍÓÚÑÜÄÖÅÇŠŽŁ][\w’'.-]*|[A-Z]\.)"
_PARTICLE = r"(?:de|del|de la|de los|da|do|dos|di|van|von|der|den|bin|al|el|la|y|e)"
_PERSON = rf"{_WORD}(?:\s(?:{_PARTICLE}\s)*{_WORD}){{1,4}}"
_NAMES = rf"(?P<names>{_PERSON}(?:(?:,\s|\sand\s|\s&\s|\sy\s|,\sand\s|\swith\s|\scon\s){_PERSON}){{0,4}})"
_BYLINE = re.compile(
    r"(?:(?:[Bb]y|BY|[Pp]or|POR)|(?:[Ww]ritten|[Rr]eported|[Ss]tory|[Rr]eporting|[Aa]nalysis|[Tt]ext|[Pp]osted"
    r"|[Pp]ublished|[Oo]pinion) by|"
    r"[Oo]riginal (?:article|story|report|post) by|(?:[Ee]scrito|[Tt]exto|[Pp]ublicado|[Rr]edactado) por|[Tt]exto de|"
    r"[Aa]rtículo original (?:de|por)|(?:[Aa]uthors?|AUTHOR|[Aa]utor(?:a|es|as)?|[Bb]yline)\s?:)\s?"
    rf"{_NAMES}"
    r"(?:\s(?:in|at|for|en|para|de)\s(?P<place>[^,|.]{2,50})|\s?(?:,|\||–|—|-|·|/|\()\s?.{2,80})?\.?"
)
_BETWEEN_NAMES = re.compile(r",\sand\s|,\s|\sand\s|\s&\s|\sy\s|\swith\s|\scon\s")
# Agencies and desks sign too, but they are not persons.
_NOT_A_PERSON = re.compile(
    r"\b(?:Press|Reuters|Staff|Agency|Agencia|Agencias|Desk|News|Editors?|Redacción|Newsroom|Times|Post|Team|Admin"
    r"|Associated|Correspondents?|Board|"
    r"And|Or|The|Of|On|To|Sea|Land|Air|Numbers|Design|Law|Default)\b"
)
_OUTLET = re.compile(
    r"\b(?:Times|Post|News|Guardian|Herald|Tribune|Journal|Chronicle|Gazette|Observer|Press|Review|Magazine|Daily"
    r"|Diario|Heraldo|Jornada|País|Universal|"
    r"Research|Report|Today|Weekly|Monitor|Independent|Telegraph|Courier|Bulletin|Dispatch|Examiner|Globe|Mail"
    r"|Mirror|Standard|Star|Wire|Radio|Noticias|Prensa|Periódico|Semanario|Service|Agency|Agencia|Bureau|Institute|Instituto"
    r"|Network|Media|Stream|Sentinel|Ledger|Register|Chronicler|Desk|Dispatches|Explainers|Briefing|Ministry|Ministerio"
    r"|Department|Secretaría|Fiscalía|Foundation|Fundación|University|Universidad|Committee|Commission|Comisión|Center|Centre"
    r"|Centro|Association|Gaceta|Boletín|Correo|Hoja|Voz|Voice|Pulse|Insider|Digest|Argus|Echo|Advertiser)\b"
)
# Offices and lines that stand where an outlet stands and name none.
_NO_OUTLET = re.compile(
    r"\b(?:reporter|correspondent|editor|writer|columnist|staff|contributor|redacción|reporter[oa]|corresponsal|periodista|enviad[oa]"
    r"|min|minutes?|read|photo|foto|updated|published|share|by|por|exclusive|breaking|opinion|analysis|page|página|draft|confidential"
    r"|internal|memorandum|memo|report of|for immediate release|comunicado|version|city|ciudad|d\.c|january"
    r"|february|march|april|june"
    r"|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_PROPER = re.compile(
    r"(?:The |El |La |Los |Las )?[A-ZÁÉÍÓÚÑÜ0-9][\w’'.&-]*"
    r"(?:\s(?:(?:of|the|and|for|de|del|la|las|los|y|en|&)\s)*[A-ZÁÉÍÓÚÑÜ0-9][\w’'.&-]*){0,5}"
)
_DOMAIN = re.compile(
    r"(?:www\.)?[\w-]{2,40}(?:\.[\w-]{2,20}){0,2}"
    r"\.(?:com|org|net|news|info|mx|es|co|gov|edu|io|uk|us|ca|ar)"
)
# "Title: …", "Fuente: …": what exports and clipping services write above a text.
_FIELD = re.compile(r"(?P<key>[^\W\d_][\w ]{1,24}?)\s?:\s*(?P<value>\S.{0,300})")
_FIELDS = {
    "title": "title", "headline": "title", "título": "title", "titulo": "title", "titular": "title",
    "source": "source", "outlet": "source", "publication": "source", "publisher": "source", "newspaper": "source",
    "fuente": "source", "medio": "source", "periódico": "source",
    "author": "author", "authors": "author", "byline": "author", "autor": "author", "autora": "author",
    "autores": "author", "reporter": "author", "by": "author", "por": "author",
    "date": "published", "published": "published", "publication date": "published", "date published": "published",
    "published on": "published", "fecha": "published", "publicado": "published", "fecha de publicación": "published",
    "updated": "modified", "last updated": "modified", "actualizado": "modified", "modified": "modified",
}  # fmt: skip
_MOST_FIELDS = 15  # lines at the top in which fields are looked for
_SOURCE_LINE = re.compile(r"(?:[Ss]ource|[Ff]uente|[Oo]utlet|[Mm]edio)\s?:\s?(?P<outlet>[^\W\d][^\n:]{1,60})")


_POSTED_BY = re.compile(
    r"(?:[Pp]osted|[Pp]ublished|[Pp]ublicado)(?: on| el)? (?P<date>[^|]{6,40}?),? (?:by|por) (?P<names>\S.{2,60})"
)
_PAGE_OF = re.compile(
    r"\s{0,20}[|·•–—,-]\s*(?:(?:[Pp]age|[Pp]ágina|[Pp]ág\.|p\.)\s*)?\d{1,4}(?:\s*(?:of|/|de)\s*\d{1,4})?$"
)
_PIECES = re.compile(r"[|•·]|\s[–—-]\s")
_TOP = 3_000  # characters and lines at the top of a document in which its outlet and date are looked for
_TOP_LINES = 12
_MOST_OF_A_CREDIT = 300  # characters of a line that gives a date and an outlet


@dataclass(frozen=True, slots=True)
class Metadata:
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: str | None = None
    modified: str | None = None


def is_byline(line: str) -> bool:
    return len(line) <= 160 and bool(_BYLINE.fullmatch(line.strip()))


def author_in_line(line: str) -> tuple[str | None, str | None] | None:
    """(author, outlet) of a byline, each None where it names none; None where the line is no byline."""
    found = _BYLINE.fullmatch(line.strip()) if len(line) <= 160 else None
    if found is None:
        return None
    names, place = found["names"].strip(), (found["place"] or "").strip()
    outlet = place if place and (_OUTLET.search(place) or place.startswith("The ")) else None
    for part in _BETWEEN_NAMES.split(names):
        if _NOT_A_PERSON.search(part) or _OUTLET.search(part):
            # "Ana Ruiz, Harbour Correspondent", "Ana Ruiz, Harbour Post": an office or an outlet after the name.
            start = names.index(part)
            outlet = outlet or (part if start and is_outlet(part) else None)
            names = names[:start].rstrip(" ,&")
            break
    rest = line.strip()[found.end("names") :].strip(" ,|–—-·/().")
    if outlet is None and not found["place"] and is_outlet(rest):
        outlet = rest
    if not names:
        return None, outlet
    if len(names.rstrip(".").split()[-1]) > 1:
        names = names.rstrip(".")
    return (names.title() if names.isupper() else names), outlet


def is_outlet(line: str) -> bool:
    """A short proper name with a word of newspapers, agencies and institutions in it, or a site's address."""
    if not 2 <= len(line) <= 60 or _NO_OUTLET.search(line):
        return False
    return bool((_PROPER.fullmatch(line) and _OUTLET.search(line)) or _DOMAIN.fullmatch(line))


def read_metadata(text: str, headings: Sequence[Span], furniture: Sequence[Span]) -> Metadata:
    """Metadata of a plain text from its head. `headings` and `furniture` are those found in it."""
    units = units_of(text)
    covered = within(units, furniture)
    starts = {span.start for span in headings}
    is_heading = [unit.span.start in starts for unit in units]
    fields = read_fields(units)
    body = next(
        (
            place
            for place, unit in enumerate(units)
            if unit.is_prose
            and not covered[place]
            and not is_heading[place]
            and not is_byline(unit.text)
            and not _FIELD.fullmatch(unit.text)
        ),
        len(units),
    )
    head = [unit for place, unit in enumerate(units[:body]) if not covered[place]]
    title, source = _title_and_site(
        [unit for place, unit in enumerate(units[:body]) if is_heading[place]], text
    )
    found = _from_head(head, title)
    if found.author is None and found.published is None:
        # A template's own line, "Posted on 3 March 2026 by Ana Ruiz", is furniture that says it all the same.
        found = _from_head(units[:body], title)
    modified = [found.modified] if found.modified else []
    published = found.published
    for place, unit in enumerate(units[body:], start=body):
        dated = None if unit.words > 12 or covered[place] else date_in_line(unit.text)
        if dated and dated[1] == "modified":
            modified.append(dated[0])
        elif dated and dated[1]:
            published = found.labelled or published or dated[0]
    source = source or found.source or _outlet_line(units, head, title, text)
    return Metadata(
        fields.get("title", title),
        fields.get("source", source),
        fields.get("author", found.author),
        fields.get("published", published),
        fields.get("modified", modified[0] if modified else None),
    )


@dataclass(frozen=True, slots=True)
class _Head:
    source: str | None
    author: str | None
    published: str | None
    labelled: str | None  # a date that says "published"
    modified: str | None


def _from_head(head: Sequence[Unit], title: str | None) -> _Head:
    """What the lines above the running text say, one by one."""
    source: str | None = None
    author: str | None = None
    dates: dict[str, list[str]] = {"published": [], "modified": [], "": []}
    below_title: list[str] = []
    seen_title = False
    for unit in head:
        seen_title = seen_title or (title is not None and unit.text == title)
        if byline := author_in_line(unit.text):
            author = author or byline[0]
            source = source or byline[1]
        if named := _SOURCE_LINE.fullmatch(unit.text):
            source = source or named["outlet"].strip()
        posted = _POSTED_BY.fullmatch(unit.text)
        if posted and author is None and (byline := author_in_line(f"By {posted['names']}")):
            author = byline[0]
        dated, outlet = dated_line(unit)
        if dated is None and posted:
            dated = date_in_line(posted["date"])
        if dated:
            dates[dated[1]].append(dated[0])
            if seen_title and not dated[1]:
                below_title.append(dated[0])
            source = source or outlet
    # Without a label, the date under the headline is the article's; one above it may be the day of the visit.
    plain = below_title or dates[""]
    labelled = dates["published"][0] if dates["published"] else None
    published = labelled or (plain[0] if len(set(plain)) == 1 else None)
    return _Head(source, author, published, labelled, dates["modified"][0] if dates["modified"] else None)


def read_fields(units: Sequence[Unit]) -> dict[str, str]:
    """Title, source, author and dates from lines such as "Fuente: …" at the very top; two of them at least, or none.

    A single line of that form is more often a sentence or a caption ("Source: police").
    """
    found: dict[str, str] = {}
    for unit in units[:_MOST_FIELDS]:
        field = _FIELD.fullmatch(unit.text)
        if field is None:
            if unit.is_prose:
                break
            continue
        name, value = _FIELDS.get(field["key"].strip().casefold()), field["value"].strip()
        if name is None or name in found or "://" in value:
            continue
        if name in ("published", "modified"):
            dated = date_in_line(value)
            if dated:
                found[name] = dated[0]
        elif name == "author":
            byline = author_in_line(f"By {value}")
            if byline and byline[0]:
                found[name] = byline[0]
        elif name == "title" or len(value) <= 80:
            found[name] = value
    return found if len(found) >= 2 else {}


def _outlet_line(units: Sequence[Unit], head: Sequence[Unit], title: str | None, text: str) -> str | None:
    """The outlet by its place: a short proper name on a line of its own between the headline and the date or byline.

    Above the headline only a name that says what it is ("Harbour Post"). A place, a section, an office is none, and a
    name of a person is none: without a word of outlets in it, a byline has to stand elsewhere in the head.
    """
    place = next(
        (index for index, unit in enumerate(head) if title is not None and unit.text.startswith(title)), None
    )
    if place is None:
        return None
    signed = any(is_byline(unit.text) for unit in head)
    above = {unit.span.start for unit in head}
    story = next(
        (unit.text[:60].casefold() for unit in units if unit.span.start not in above and unit.is_prose), ""
    )
    for index, unit in enumerate(head):
        line = unit.text.strip(" |•·")
        if index == place or is_byline(line) or dated_line(unit)[0] is not None:
            continue
        if index < place:
            if index == 0 and place <= 2 and is_outlet(line):
                return line
            continue
        beside = [*head[index - 1 : index], *head[index + 1 : index + 2]]
        dated = any(is_byline(other.text) or dated_line(other)[0] is not None for other in beside)
        if not dated or line.casefold() in story or _NO_OUTLET.search(line) or len(line) > 50:
            continue
        if is_outlet(line):
            return line
        if (
            signed
            and 2 <= unit.words <= 5
            and _PROPER.fullmatch(line)
            and not line.isupper()
            and index <= place + 3
        ):
            return line
    return None


def lines_below_headline(
    lines: Sequence[str],
) -> tuple[str | None, str | None, str | None, str | None]:
    """(outlet, author, published, modified) of the lines between a headline and its text.

    A byline may hold its date: "By Ana Ruiz, Harbour Post | 3 May 2026" is read piece by piece.
    """
    pieces = [
        piece.strip()
        for line in lines
        for piece in [line, *_PIECES.split(line)[1:], *_PIECES.split(line)[:1]]
    ]
    units = [Unit(Span(0, 0), piece, 0) for piece in pieces if piece]
    head = _from_head(units, None)
    return head.source, head.author, head.published, head.modified


def top_of(text: str, title: str | None = None) -> tuple[str | None, str | None]:
    """(outlet, published) from the first lines of a PDF, Word or Excel file: "Harbour Briefing Service, 3 May 2026".

    Only a line that is nothing else counts, above the first running text.
    """
    source: str | None = None
    named: list[str] = []  # dates with a label or an outlet
    plain: list[str] = []
    units = units_of(text[:_TOP])
    for unit in units[:_TOP_LINES]:
        line = re.sub(r"\s{2,}|\t", " | ", unit.text)
        dated, outlet = dated_line(Unit(unit.span, line, unit.gap))
        if outlet is None and (shorter := _PAGE_OF.sub("", line)) != line:
            dated, outlet = dated_line(Unit(unit.span, shorter, unit.gap))
            dated = dated if outlet else None
        if unit.is_prose and dated is None:
            break
        if dated is None or dated[1] == "modified":
            continue
        source = source or outlet
        (named if dated[1] or outlet else plain).append(dated[0])
    # Several plain dates are a table or a timetable.
    published = named[0] if named else plain[0] if len(set(plain)) == 1 else None
    fields = read_fields(units)
    return fields.get("source", source), fields.get("published", published)


def dated_line(unit: Unit) -> tuple[tuple[str, str] | None, str | None]:
    """The date of a line, and the outlet where the line is a credit such as "Global Report, May 28, 2025"."""
    if unit.words > 14 or len(unit.text) > _MOST_OF_A_CREDIT:
        return None, None
    if dated := date_in_line(unit.text):
        return dated, None
    for found in _CREDIT_LINE.finditer(unit.text):
        dated = date_in_line(found["date"])
        if dated and found.end() == len(unit.text):
            outlet = found["outlet"].strip()
            named = outlet[0].isupper() and _OUTLET.search(outlet) and not is_byline(outlet)
            return dated, outlet if named and not _NO_OUTLET.search(outlet) else None
    return None, None


def _title_and_site(headings: Sequence[Unit], text: str) -> tuple[str | None, str | None]:
    """The headline, without the name of the site that browsers show behind it ("Headline - Site").

    The part behind the separator is a site only after a bar, or where the headline or the site stands on the page once
    more, or where it is a name that says what it is.
    """
    if not headings:
        return None, None
    if len(headings) > 1 and is_outlet(headings[0].text) and headings[1].words > headings[0].words:
        return headings[1].text, headings[0].text
    first = headings[0].text
    for other in headings[1:]:
        rest = first.removeprefix(other.text)
        if rest != first and (site := re.fullmatch(r"\s*[-–—|·:»]\s*(?P<site>\S.{1,60})", rest)):
            return other.text, site["site"]
    if bar := re.fullmatch(r"(?P<title>[^|]{15,})\s\|\s(?P<site>[^|]{2,40})", first):
        return bar["title"], bar["site"]
    if dash := re.fullmatch(r"(?P<title>.{15,}\S)\s[-–—]\s(?P<site>[^-–—|]{2,40})", first):
        name = dash["site"].strip()
        if is_outlet(name) or (_PROPER.fullmatch(name) and f"© {name}" in text):
            return dash["title"], name
    return first, None
