"""Metadata that an HTML page states explicitly: JSON-LD, meta elements, `<time>`, the byline. Nothing is guessed.

In particular no date is taken from running text, from the address or from a copyright line (which is what date finders
do when there is no better one).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from rag.documents.building import canonical
from rag.documents.dates import date_in_line, iso_date
from rag.documents.metadata import author_in_line

_ARTICLE_TYPES = re.compile(
    r"article|posting|report|webpage|creativework|videoobject|book|dataset", re.IGNORECASE
)
_PUBLISHED = (
    "article:published_time", "datepublished", "og:article:published_time", "date", "dc.date.issued",
    "dcterms.issued", "dc.date", "dcterms.created", "dcterms.date", "pubdate", "publishdate",
    "publish-date", "publish_date", "publication_date", "parsely-pub-date", "sailthru.date",
    "citation_publication_date", "citation_date", "article.published", "cxenseparse:recs:publishtime",
    "datecreated", "last-modified-pub",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time",
    "datemodified",
    "og:updated_time",
    "dcterms.modified",
    "dc.date.modified",
    "lastmod",
    "last-modified",
)
_AUTHOR = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "parsely-author",
    "sailthru.author",
    "citation_author",
    "byl",
    "og:article:author",
)
_SITE = (
    "og:site_name",
    "application-name",
    "dc.publisher",
    "dcterms.publisher",
    "citation_journal_title",
    "publisher",
)
_TITLE = (
    "og:title",
    "twitter:title",
    "dc.title",
    "dcterms.title",
    "citation_title",
    "parsely-title",
    "sailthru.title",
)
_SEPARATOR = re.compile(r"\s+[-–—|·•:»]\s+")
_MANY = 400


class PageMetadata(NamedTuple):
    title: str | None
    source: str | None
    author: str | None
    published: str | None
    modified: str | None
    language: str | None


def page_metadata(root: Any) -> PageMetadata:
    """Read from the whole tree, before hidden elements are removed."""
    meta = _meta(root)
    linked = list(_linked_data(root))
    site = _site(meta, linked)
    title = _first(_text(item.get("headline")) for item in linked) or _from(meta, _TITLE)
    title, site = _split_title(title, _title_element(root), _single_heading(root), site)
    times = _times(root)
    published = _first(_date(item.get("datePublished")) for item in linked) or _first(
        _date(meta.get(key)) for key in _PUBLISHED
    )
    modified = _first(_date(item.get("dateModified")) for item in linked) or _first(
        _date(meta.get(key)) for key in _MODIFIED
    )
    return PageMetadata(
        title=title,
        source=site,
        author=_author(root, meta, linked),
        published=published or times.get("published"),
        modified=modified or times.get("modified"),
        language=_language(root),
    )


def _first(values: Iterator[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    import html

    text = " ".join(canonical(re.sub(r"<[^<>]{1,200}>", "", html.unescape(value))).split())
    return text if 0 < len(text) <= _MANY else None


def _from(meta: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return _first(_text(meta.get(key)) for key in keys)


def _meta(root: Any) -> dict[str, str]:
    """`name`, `property` or `itemprop` in lower case → content; the first of each name."""
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        content = (element.get("content") or "").strip()
        for attribute in ("property", "name", "itemprop"):
            key = (element.get(attribute) or "").strip().lower()
            if key and content:
                found.setdefault(key, content)
    return found


def _linked_data(root: Any) -> Iterator[dict[str, Any]]:
    """Objects of JSON-LD that describe an article, those that are articles proper first."""
    items: list[dict[str, Any]] = []
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower() or not script.text:
            continue
        try:
            value = json.loads(
                script.text.strip().removeprefix("<!--").removesuffix("-->").strip().rstrip(";"), strict=False
            )
        except (json.JSONDecodeError, RecursionError):
            continue
        waiting = [value]
        while waiting and len(items) < 200:
            value = waiting.pop(0)
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                items.append(value)
                waiting += [
                    value[key]
                    for key in ("@graph", "mainEntity", "mainEntityOfPage")
                    if isinstance(value.get(key), list | dict)
                ]
    described = [item for item in items if _ARTICLE_TYPES.search(str(item.get("@type", "")))]
    yield from sorted(
        described,
        key=lambda item: not re.search(r"article|posting|report", str(item.get("@type")), re.IGNORECASE),
    )


def _date(value: Any) -> str | None:
    """The local day of an ISO date or date-time, or of a written-out date; None for anything else."""
    if not isinstance(value, str):
        return None
    value = value.strip()
    if found := re.match(r"(\d{4})-?(\d{2})-?(\d{2})(?:$|[T\s+Z])", value):
        return iso_date(int(found[1]), int(found[2]), int(found[3]))
    if dated := date_in_line(value):
        return dated[0]
    for form in ("%a, %d %b %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S"):
        try:
            return (
                dt.datetime.strptime(value[:30].rsplit(" GMT", 1)[0].rsplit(" +", 1)[0].strip(), form)
                .date()
                .isoformat()
            )
        except ValueError:
            continue
    return None


def _times(root: Any) -> dict[str, str]:
    """Dates of `<time>` elements: named ones, or the only one of the article."""
    found: dict[str, str] = {}
    plain: set[str] = set()
    for element in root.iter("time"):
        date = _date(element.get("datetime")) or _date(" ".join(element.text_content().split()))
        if date is None:
            continue
        role = " ".join((element.get(name) or "") for name in ("itemprop", "class", "pubdate")).lower()
        above = element.getparent()
        around = " ".join((above.text_content() if above is not None else "").split())[:60].lower()
        if (
            "modif" in role
            or "updat" in role
            or re.match(r"(?:last )?(?:updated|modified)|actualizado", around)
        ):
            found.setdefault("modified", date)
        elif (
            "publi" in role
            or "entry-date" in role
            or element.get("pubdate") is not None
            or re.match(r"(?:publi|posted)", around)
        ):
            found.setdefault("published", date)
        else:
            plain.add(date)
    if "published" not in found and len(plain) == 1:
        found["published"] = plain.pop()
    return found


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [name for item in value for name in _names(item)]
    if isinstance(value, dict):
        return [] if "organization" in str(value.get("@type", "")).lower() else _names(value.get("name"))
    return []


def _author(root: Any, meta: dict[str, str], linked: list[dict[str, Any]]) -> str | None:
    for item in linked:
        names = [name for name in (_person(name) for name in _names(item.get("author"))) if name]
        if names:
            return ", ".join(dict.fromkeys(names))
    if name := _first(_person(meta.get(key)) for key in _AUTHOR):
        return name
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        marks = (
            f"{element.get('rel') or ''} {element.get('itemprop') or ''} {element.get('class') or ''}".lower()
        )
        if not re.search(r"\bauthor\b|byline", marks):
            continue
        line = " ".join(element.text_content().split())
        if len(line) > 120:
            continue
        byline = author_in_line(line)
        if byline and byline[0]:
            return byline[0]
        if re.search(r"\bauthor\b", marks) and (name := _person(line)):
            return name
    return None


def _person(value: Any) -> str | None:
    """A name of two to five words, without "By"; None for addresses, logins and organisations."""
    text = _text(value)
    if text is None or "@" in text or "://" in text or len(text) > 120:
        return None
    found = author_in_line(text if re.match(r"(?i)(?:by|por|author)\b", text) else f"By {text}")
    return found[0] if found else None


def _site(meta: dict[str, str], linked: list[dict[str, Any]]) -> str | None:
    for item in linked:
        publisher = item.get("publisher")
        name = (
            publisher.get("name")
            if isinstance(publisher, dict)
            else publisher
            if isinstance(publisher, str)
            else None
        )
        if meta.get("og:site_name") is None and (site := _text(name)) and "://" not in site:
            return site
    site = _from(meta, _SITE)
    return site if site and len(site) <= 80 and "://" not in site else None


def _title_element(root: Any) -> str | None:
    element = root.find(".//title")
    return _text(element.text_content()) if element is not None else None


def _single_heading(root: Any) -> str | None:
    headings = root.findall(".//h1")
    return _text(headings[0].text_content()) if len(headings) == 1 else None


def _split_title(
    title: str | None, element: str | None, heading: str | None, site: str | None
) -> tuple[str | None, str | None]:
    """The headline without the site's name, and the site's name if only the title element has it.

    "Headline - Site" is split where the page repeats one of the halves: the headline as its h1 or metadata, or the site.
    """
    parts = _SEPARATOR.split(element) if element else []
    if element and len(parts) >= 2:
        for known in (title, heading):
            if known and element != known and element.startswith(known):
                rest = _SEPARATOR.split(element[len(known) :])
                site = site or (rest[-1].strip(" -–—|·•:»") or None if len(rest[-1]) <= 60 else None)
    title = title or heading or element
    if title and site and title != site:
        for mark in (" - ", " – ", " — ", " | ", " · ", " • ", ": ", " » "):
            title = title.removesuffix(mark + site).removeprefix(site + mark)
    return title, site


def _language(root: Any) -> str | None:
    element = root if root.tag == "html" else root.find(".//html")
    code = ((element.get("lang") if element is not None else None) or "").strip().lower()[:2]
    return code if re.fullmatch(r"[a-z]{2}", code) else None
