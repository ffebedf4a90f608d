"""The visible text of an HTML tree as blocks, in order: what a reader of the page would see, and where it stood.

Nothing hidden becomes text: not scripts, templates or comments, not what `display: none` hides, not characters without
width (with which pages smuggle text past the eye).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.documents.lines import word_set

BlockKind = Literal["heading", "body", "row", "caption"]

_NEVER = word_set(
    """
    script style template noscript head iframe object embed applet svg canvas audio video map
    datalist select option optgroup textarea input meta link base param source track col colgroup
    frame frameset noframes
    """
)
_BLOCK = word_set(
    """
    address article aside blockquote body button caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html label legend li
    main menu nav ol p pre section summary table tbody td tfoot th thead tr ul
    """
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_ASIDE = frozenset(("nav", "aside", "footer", "form", "button", "menu", "dialog", "label", "fieldset"))
_ASIDE_ROLE = frozenset(
    (
        "navigation",
        "banner",
        "contentinfo",
        "search",
        "complementary",
        "dialog",
        "menu",
        "menubar",
        "toolbar",
        "alert",
        "form",
    )
)
_ASIDE_NAME = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|share|sharing|social|related|recommend\w*|promo\w*"
    r"|newsletter|subscri\w*|sign-?up|cookies?|"
    r"consent|gdpr|comments?|disqus|footer|sidebar|side-bar|widget|advert\w*|ads?|sponsor\w*|popular|trending"
    r"|most-?read|tags?|paywall|modal|popup|"
    r"toolbar|masthead|teasers?|outbrain|taboola|more-?on|read-?more|byline-social|print-only|skip-?links?)(?:$"
    r"|[\s_-])",
    re.IGNORECASE,
)
# What others wrote or what is about others: readers' comments, the author's box, lists of related stories.
_FOREIGN_NAME = re.compile(
    r"(?:^|[\s_-])(?:comments?|comment-?list|comment-?body|comment-?(?:content|text|author|area|section|thread)|disqus(?:_thread)?|respond"
    r"|comentarios?|fb-comments|author-?(?:box|bio|info|card|profile)|about-?author|post-author-box|bio-?box"
    r"|related(?:-?(?:posts?|articles?|stories|content|links|news))?|jp-relatedposts|yarpp|relacionad[oa]s"
    r"|read-?next|most-?read|recirc\w*)(?:$|[\s_-])",
    re.IGNORECASE,
)
_LEAST_OWN = 200  # characters that must be left of a page without what its mark-up calls foreign
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;"
    r"|!|$)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|"
    r"(?:left|top|text-indent)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_AT_BLOCK = re.compile(r"@[^{;@]++\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}")
_SIMPLE_SELECTOR = re.compile(r"(?:[a-z][a-z0-9]*)?(?P<mark>[.#])(?P<name>[\w-]+)", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060-\u2064\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"[ \t\n\r\f]+")
# A rule of a style sheet that would hide this share of the page is one that a script lifts again.
_MOST_HIDDEN = 0.3
_MOST_ASIDE = 0.3  # likewise for what a class name calls a sidebar
_MOST_OF_A_NAME = 1_000  # characters of a class or id that are looked at
_DEPTH = 400  # nested elements; deeper ones are read as part of their ancestor


@dataclass(frozen=True, slots=True)
class Block:
    """`text` as it is written into the document; `key` is what stands on the page (rows name their headers in `text`).

    `aside`: inside a menu, footer, form, sidebar or the like. `links`: share of the characters that are links.
    `foreign`: by its mark-up a reader's comment, an author's box, a related story or the caption of a picture.
    """

    kind: BlockKind
    text: str
    key: str
    aside: bool
    links: float
    level: int = 0
    foreign: bool = False


def drop_hidden(root: Any) -> None:
    """Remove from the tree everything that the page does not show."""
    names = _hidden_names(root)
    whole = max(1, len(root.text_content()))
    for element in list(root.iter()):
        if element is root or element.getparent() is None:
            continue
        if not isinstance(element.tag, str) or element.tag.lower() in _NEVER - {"head"}:
            _drop(element)
            continue
        if element.tag in ("body", "html", "head"):
            continue
        if (
            element.get("hidden") is not None
            or _HIDDEN_STYLE.search(element.get("style") or "")
            or (element.tag == "dialog" and element.get("open") is None)
            or (names and _named(element) & names and len(element.text_content()) < _MOST_HIDDEN * whole)
        ):
            _drop(element)


def _drop(element: Any) -> None:
    parent = element.getparent()
    if element.tail:
        above = element.getprevious()
        if above is None:
            parent.text = (parent.text or "") + element.tail
        else:
            above.tail = (above.tail or "") + element.tail
    parent.remove(element)


def _hidden_names(root: Any) -> set[str]:
    """`.class` and `#id` selectors that the page's own style sheet hides on screen."""
    names = set()
    for style in root.iter("style"):
        css = _AT_BLOCK.sub("", _without_comments((style.text or "")[:200_000]))
        for rule in css.split("}")[:-1]:
            before, _, declarations = rule.rpartition("{")
            if _HIDDEN_STYLE.search(declarations):
                for selector in re.split(r"[{@;]", before)[-1].split(","):
                    if found := _SIMPLE_SELECTOR.fullmatch(selector.strip()):
                        names.add(found["mark"] + found["name"])
    return names


def _without_comments(css: str) -> str:
    first, *rest = css.split("/*")
    ended = [piece.partition("*/") for piece in rest]
    return first + "".join(after for _, _, after in ended)


def _named(element: Any) -> set[str]:
    names = {"." + name for name in (element.get("class") or "").split()}
    if element.get("id"):
        names.add("#" + element.get("id"))
    return names


def blocks_of(root: Any) -> list[Block]:
    """Blocks of a tree that went through `drop_hidden`."""
    writer = _Writer(len(root.text_content()))
    body = root.find("body") if root.tag == "html" else None
    _walk(root if body is None else body, writer, aside=False, link=False, depth=0)
    writer.close()
    blocks = writer.blocks
    own = sum(len(block.key) for block in blocks if not block.foreign and not block.aside)
    if own < _LEAST_OWN:  # "comments" is what this page is about: a consultation, a thread
        return [replace(block, foreign=False) for block in blocks]
    return blocks


class _Writer:
    def __init__(self, size: int) -> None:
        self.size = size  # characters of the whole page
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._linked = 0
        self.kind: BlockKind = "body"
        self.level = 0
        self.aside = False
        self.foreign = False
        self.verbatim = False

    def write(self, text: str | None, link: bool) -> None:
        if text:
            self._parts.append(text if self.verbatim else _SPACE.sub(" ", text))
            if link:
                self._linked += len(text.strip())

    def close(self) -> None:
        raw, linked = "".join(self._parts), self._linked
        self._parts, self._linked = [], 0
        for piece in [raw] if self.verbatim else raw.split("\n\n"):
            text = clean_text(piece, self.verbatim)
            if text:
                share = min(1.0, linked / len(text))
                self.blocks.append(Block(self.kind, text, text, self.aside, share, self.level, self.foreign))


def clean_text(text: str, verbatim: bool = False) -> str:
    text = _INVISIBLE.sub("", text)
    if verbatim:
        return text.strip("\n")
    return "\n".join(line.strip(" ") for line in re.sub(r" {2,}", " ", text).split("\n")).strip()


def _walk(element: Any, writer: _Writer, aside: bool, link: bool, depth: int) -> None:
    tag = element.tag
    if not isinstance(tag, str) or tag in _NEVER:
        return
    aside = aside or _is_aside(element, writer.size)
    link = link or tag == "a"
    if tag == "br":
        writer.write("", link)
        writer._parts.append("\n")
        return
    if tag == "table" and (rows := data_rows(element)) is not None:
        writer.close()
        writer.blocks += [Block("row", text, key, aside, 0.0, 0, writer.foreign) for text, key in rows]
        return
    block = tag in _BLOCK
    before = (writer.kind, writer.level, writer.aside, writer.foreign, writer.verbatim)
    if block:
        writer.close()
        writer.aside = aside
        writer.foreign = writer.foreign or _is_foreign(element)
        if tag in _HEADINGS:
            writer.kind, writer.level = "heading", int(tag[1])
        elif tag in ("figcaption", "caption") or (tag == "figure"):
            writer.kind = "caption"
        if tag == "pre":
            writer.verbatim = True
    if tag == "q":
        writer.write("“", link)
    if depth > _DEPTH:
        writer.write(element.text_content(), link)
    else:
        writer.write(element.text, link)
        for child in element:
            _walk(child, writer, aside, link, depth + 1)
            writer.write(child.tail, link)
    if tag == "q":
        writer.write("”", link)
    if block:
        writer.close()
        writer.kind, writer.level, writer.aside, writer.foreign, writer.verbatim = before


def _is_aside(element: Any, size: int) -> bool:
    """A menu, footer, form or the like; never what holds a large part of the page, such as the frame around it all."""
    if element.tag in ("nav", "footer", "button", "menu"):
        return True
    if element.tag in ("body", "html", "main", "article"):
        return False
    named = (
        element.tag in _ASIDE
        or (element.get("role") or "").lower() in _ASIDE_ROLE
        or _ASIDE_NAME.search((element.get("class") or "")[:_MOST_OF_A_NAME])
        or _ASIDE_NAME.search((element.get("id") or "")[:_MOST_OF_A_NAME])
    )
    return bool(named) and len(element.text_content()) < _MOST_ASIDE * size


def _is_foreign(element: Any) -> bool:
    if element.tag in ("body", "html", "main"):
        return False
    if element.tag == "figcaption":
        figure = element.getparent()
        return figure is not None and figure.find(".//table") is None and figure.find(".//pre") is None
    kind = (element.get("itemtype") or "").rstrip("/").rpartition("/")[2]
    if kind == "Comment" or (element.get("itemprop") or "").lower() == "comment":
        return True
    if element.tag == "article" and not (element.get("id") or "").lower().startswith("comment"):
        return False  # themes note on the article itself whether it has comments
    named = f"{(element.get('class') or '')[:_MOST_OF_A_NAME]} {(element.get('id') or '')[:_MOST_OF_A_NAME]}"
    return (
        bool(_FOREIGN_NAME.search(named))
        and element.find(".//h1") is None
        and element.find(".//main") is None
    )


def data_rows(table: Any) -> list[tuple[str, str]] | None:
    """Rows of a table of data as ("Header: value; Header: value", the cells alone); None for a table that is only layout.

    Data: two columns or more, no table inside, and cells that are short.
    """
    if table.find(".//table") is not None:
        return None
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    rows = [row for row in rows if row]
    if len(rows) < 2 or max(len(row) for row in rows) < 2:
        return None
    cells = [[clean_text(_SPACE.sub(" ", cell.text_content())) for cell in row] for row in rows]
    lengths = [len(cell) for row in cells for cell in row if cell]
    if not lengths or sum(lengths) / len(lengths) > 120 or max(lengths) > 1_000:
        return None
    if table.find(".//h1") is not None or table.find(".//form") is not None:
        return None
    caption = table.find("caption")
    written = list(_caption_row(caption))
    headed = all(cell.tag == "th" for cell in rows[0]) or rows[0][0].getparent().getparent().tag == "thead"
    headers = cells[0] if headed else []
    if headed:
        written.append((" | ".join(cell for cell in cells[0] if cell), " ".join(cells[0])))
    for row, texts in zip(rows[headed:], cells[headed:], strict=True):
        key = " ".join(texts)
        if not key.strip():
            continue
        if len(headers) == len(texts):
            named = [
                f"{header}: {text}" if header else text
                for header, text in zip(headers, texts, strict=True)
                if text
            ]
            written.append(("; ".join(named), key))
        elif not headers and len(texts) == 2 and row[0].tag == "th":
            written.append((f"{texts[0]}: {texts[1]}", key))
        else:
            written.append((" | ".join(text for text in texts if text), key))
    return [(text, key) for text, key in written if text]


def _caption_row(caption: Any) -> Iterator[tuple[str, str]]:
    text = "" if caption is None else clean_text(_SPACE.sub(" ", caption.text_content()))
    if text:
        yield text, text
