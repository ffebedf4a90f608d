"""HTML → the article as text. Trafilatura says which blocks of the page are the article; the words come from the page.

Trafilatura finds the article well (its benchmark, and ours on saved news pages), but its own output loses the headers
of tables and now and then a paragraph. So its text only chooses among the page's visible `blocks`, and paragraphs and
table rows between chosen ones are chosen too unless they stand in a menu, form or sidebar. Short pages, lists and
fragments, where it finds nothing or little, are read whole. Nothing is fetched and no external entity is resolved.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from rag.documents.blocks import Block, blocks_of, drop_hidden
from rag.documents.building import Parsed, TextBuilder, merge_spans
from rag.documents.clean import find_furniture
from rag.documents.language import language_of
from rag.documents.lines import units_of
from rag.documents.metadata import is_byline, lines_below_headline
from rag.documents.page_metadata import page_metadata
from rag.documents.text import decode, readable_text
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Span

_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})
|^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_KEY = re.compile(r"[\W_]+")
_PIECE = 30  # characters of a key compared at once
_SMALL_PAGE = 1_500  # visible characters that are no links; below this, the page is read whole
_SUBTITLE_WORDS = 6
_BYLINES = 6  # blocks below the headline in which a byline and a date are looked for
_LEAST_EXTRACTED = 0.05  # share of the visible text; below it, trafilatura has missed what the page is about
_LEAST_COVERED = (
    0.6  # share of trafilatura's text that must be found on the page, else that text is used itself
)


def parse_html(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """Raises UnreadableFile where the page shows no text."""
    return parse_page(declared_text(data), name, settings)


def declared_text(data: bytes) -> str:
    found = _DECLARED.search(data[:4096])
    declared = (found[1] or found[2]).decode("ascii", "replace") if found else None
    return decode(data, declared)


def parse_page(page: str, name: str, settings: DocumentSettings) -> Parsed:
    """An HTML page that is text already (mails declare their encoding outside of it)."""
    import lxml.etree
    import lxml.html

    # As UTF-8 bytes: lxml refuses text whose XML declaration names another encoding. A NUL would end the page.
    encoded = page.replace("\x00", "").encode("utf-8", "replace")
    try:
        root = lxml.html.document_fromstring(
            encoded, parser=lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True)
        )
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError) as error:
        raise UnreadableFile("the page holds no text", where=name, next_step="save the page again") from error
    found = page_metadata(root)
    drop_hidden(root)
    blocks = blocks_of(root)
    if not blocks:
        raise UnreadableFile(
            "the page shows no text",
            where=name,
            next_step="save it from the browser after it has loaded completely",
        )
    builder = TextBuilder()
    chosen = _article(root, blocks, found.title)
    if chosen is None:
        _write_whole(builder, blocks)
    else:
        _write(builder, chosen)
    text = readable_text(builder.text, name, settings)
    furniture = merge_spans(
        [*builder.furniture, *_off_headings(find_furniture(text, captions=False), builder.headings)]
    )
    headings = tuple(
        span for span in builder.headings if not any(span.overlaps(other) for other in furniture)
    )
    title = found.title or (headings[0].of(text) if headings and headings[0].start == 0 else None)
    source, author, published, modified = _in_sight(blocks, title)
    return Parsed(
        text,
        "text/html",
        title=title,
        source=found.source or source,
        author=found.author or author,
        published=found.published or (None if found.modified else published),
        modified=found.modified or modified,
        language=language_of(text, furniture) or found.language,
        headings=headings,
        furniture=furniture,
    )


def _in_sight(
    blocks: list[Block], title: str | None
) -> tuple[str | None, str | None, str | None, str | None]:
    """(outlet, author, published, modified) of the few short lines right below the headline that a reader sees.

    For pages whose mark-up says nothing. The lines end with the first running text; what stands in a menu is none.
    """
    wanted = _KEY.sub("", title or "").casefold()
    place = next(
        (
            index
            for index, block in enumerate(blocks)
            if block.kind == "heading"
            and (block.level == 1 or (wanted and _KEY.sub("", block.key).casefold() == wanted))
        ),
        None,
    )
    if place is None:
        return None, None, None, None
    lines: list[str] = []
    for block in blocks[place + 1 : place + 1 + _BYLINES]:
        if block.kind in ("heading", "row") or block.foreign:
            continue
        units = units_of(block.text)
        if any(unit.is_prose and not is_byline(unit.text) for unit in units):
            break
        lines += [unit.text for unit in units]
    return lines_below_headline(lines)


def _off_headings(furniture: tuple[Span, ...], headings: list[Span]) -> list[Span]:
    """A heading of the page's own markup that is above text stays, even where its words are those of a menu."""
    return [span for span in furniture if not any(span == heading for heading in headings)]


def _write(builder: TextBuilder, blocks: list[Block]) -> None:
    last: Block | None = None
    for block in blocks:
        joint = "\n" if block.kind == "row" and last is not None and last.kind == "row" else None
        # A paragraph that is one link leads to another article.
        linked = block.foreign or (block.kind == "body" and block.links >= 0.9)
        builder.add(
            block.text, "furniture" if linked else "heading" if block.kind == "heading" else "body", joint
        )
        last = block


def _write_whole(builder: TextBuilder, blocks: list[Block]) -> None:
    """Every visible block; what stands in a menu or footer is furniture where anything else is there."""
    text_outside = any(not block.aside for block in blocks)
    for block in blocks:
        if block.aside and text_outside and not units_of(block.text)[0].is_prose:
            builder.add(block.text, "furniture")
        else:
            _write(builder, [replace(block, links=0.0)])  # a list of links is what such a page says


def _article(root: Any, blocks: list[Block], title: str | None) -> list[Block] | None:
    """The blocks of the article; None where the page should be read whole."""
    if sum(len(block.key) for block in blocks if block.links < 0.5) < _SMALL_PAGE:
        return None
    extracted = _extracted(root)
    if not extracted:
        return None
    joined = _KEY.sub("", "".join(extracted)).casefold()
    shown = sum(len(block.key) for block in blocks if block.links < 0.5 and not block.foreign)
    if len(joined) < _LEAST_EXTRACTED * shown:
        return None
    lines = {_KEY.sub("", line).casefold() for line in extracted}
    keys = [_KEY.sub("", block.key).casefold() for block in blocks]
    chosen = [len(key) >= _PIECE and _covered(key, joined) for key in keys]
    long = [place for place, is_chosen in enumerate(chosen) if is_chosen]
    if sum(len(keys[place]) for place in long) < _LEAST_COVERED * len(joined):
        return [Block("body", line, line, False, 0.0) for line in extracted]
    # What a class name calls a sidebar is none where most of the article stands in it.
    trusted = sum(blocks[place].aside for place in long) * 2 < len(long)
    aside = [(block.aside and trusted) or block.foreign for block in blocks]
    chosen = [is_chosen and not block.foreign for block, is_chosen in zip(blocks, chosen, strict=True)]
    long = [place for place in long if chosen[place]]
    if not long:
        return None
    first, last = long[0], long[-1]
    headline = _headline(blocks, keys, _KEY.sub("", title or "").casefold(), first)
    if headline is not None:
        chosen[headline] = True
    for place in range(first if headline is None else headline + 1, last + 1):
        block, key = blocks[place], keys[place]
        if chosen[place] or not key or aside[place]:
            continue
        if len(key) < _PIECE:
            chosen[place] = key in lines and place > first
        elif block.kind == "row":
            chosen[place] = place > first
        elif block.links < 0.3 and block.kind != "caption":
            unit = units_of(block.text)[0]
            chosen[place] = unit.is_prose or (block.kind == "heading" and unit.words >= _SUBTITLE_WORDS)
    for place in range(last + 1, len(blocks)):  # short last lines, and the rest of a table
        in_table = blocks[place].kind == "row" and blocks[place - 1].kind == "row"
        if aside[place] or not (keys[place] in lines or in_table):
            break
        chosen[place] = True
    return [block for block, is_chosen in zip(blocks, chosen, strict=True) if is_chosen]


def _headline(blocks: list[Block], keys: list[str], title: str, first: int) -> int | None:
    """The place of the headline above block `first`: the nearest heading of level 1, or with the words of the title."""
    for place in range(first - 1, -1, -1):
        if (
            blocks[place].kind == "heading"
            and keys[place]
            and (keys[place] == title or blocks[place].level == 1)
        ):
            return place
    return None


def _covered(key: str, joined: str) -> bool:
    """True where at least 60 % of the pieces of `key` stand in `joined`."""
    pieces = [key[start : start + _PIECE] for start in range(0, len(key) - _PIECE + 1, _PIECE)]
    return sum(piece in joined for piece in pieces) >= 0.6 * len(pieces)


def _extracted(root: Any) -> list[str]:
    """The lines of the article according to trafilatura; empty where it finds none."""
    import copy

    from trafilatura import bare_extraction

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs what it discards as errors
    document = bare_extraction(
        copy.deepcopy(root), include_comments=False, include_tables=True, with_metadata=False
    )
    text = getattr(document, "text", None) or ""
    return [line.strip() for line in text.split("\n") if line.strip()]
