"""Lines in reading order → paragraphs and headings.

How lines are joined, so that a sentence over several lines can be read, found and quoted:

- Lines of one paragraph are joined by one space; a line break stays a `\\n` where the author made it (the next word
  would have fitted: addresses, verses) and between the rows of a table.
- A soft hyphen at a line end goes. A hyphen at a line end is kept where the document itself writes the word with it
  elsewhere, between digits, before a capital, and in compounds ("self-", "well-", two words that both stand alone
  elsewhere in the document); otherwise it is the typesetter's and goes: `informa-` + `tion` → `information`. It is
  the one place where a character that is printed on the page is left out of the text.
- Dashes and addresses (`https://…/`) broken at a line end are joined without a space.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rag.documents.building import Kind
from rag.documents.layout import Line, Region

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LIST_ITEM = re.compile(r"(?:[•·▪●○■□◦‣▶–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s")
_LEADERS = re.compile(
    r"(?:\s?[.·_…]){4,}\s*(?:\d{1,4}|[ivxlc]{1,6})$", re.IGNORECASE
)  # of a table of contents
_SENTENCE_END = re.compile(r"[.!?:…][\"'”’»)\]]*$")
_NEIGHBOURS = 8  # lines above and below that show where the right margin is
_FIRST_PARTS = re.compile(
    r"all|anti|co|cross|ex|far|half|high|ill|inter|long|low|mid|multi|non|off|post|pre|pro|quasi|self|semi|short|so|sub"
    r"|then|two|three|four|five|six|seven|eight|nine|ten|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|vice|well"
)
_HEADING_CHARACTERS = 200
# Patterns with an end look only at the end of a line: on long runs of one character they take quadratic time.
_MOST_OF_A_WORD = 200
_MOST_OF_LEADERS = 200


@dataclass(slots=True)
class Block:
    """A paragraph, heading or table as it will stand in the text.

    `open_end`: nothing says that the paragraph ends here, the next column or page may go on with it; `room`:
    points between the end of its last line and the right margin, infinite for a single line; `first_word`: width of
    its first word; `goes_on`: it begins like the middle of a sentence; `fresh`: it begins like a new paragraph
    (indented, a list item).
    """

    text: str
    kind: Kind
    size: float
    bold: bool
    open_end: bool = False
    room: float = math.inf
    first_word: float = 0.0
    goes_on: bool = False
    fresh: bool = False
    table: bool = False


@dataclass(frozen=True, slots=True)
class Style:
    """The document's body text: its font size in points, whether it is bold, usual line distance in sizes."""

    size: float
    bold: bool
    leading: float


def _has_leaders(text: str) -> bool:
    return bool(_LEADERS.search(text[-_MOST_OF_LEADERS:]))


def vocabulary(lines: Iterable[Line]) -> Counter[str]:
    """Words of the lines in lower case, hyphenated ones whole; a line's last word is left out if it is cut."""
    words: Counter[str] = Counter()
    for line in lines:
        text = line.text
        for match in _WORD.finditer(text):
            if match.end() < len(text) - 1 or text[-1] not in "-\u2010\u00ad":
                words[match.group().lower()] += 1
    return words


def style_of(regions: Iterable[Region]) -> Style:
    """The most frequent size and weight, by characters, and the median distance of lines of that size."""
    weights: Counter[tuple[float, bool]] = Counter()
    distances: list[float] = []
    regions = list(regions)
    for region in regions:
        for line in region.lines:
            weights[(round(line.size, 1), line.bold)] += len(line.text)
    if not weights:
        return Style(10.0, False, 1.2)
    (size, bold), _ = weights.most_common(1)[0]
    for region in regions:
        for above, below in zip(region.lines, region.lines[1:], strict=False):
            if abs(above.size - size) < 0.6 and abs(below.size - size) < 0.6:
                distances.append((below.bottom - above.bottom) / size)
    usual = [distance for distance in distances if 0.9 <= distance <= 3.0]
    return Style(size, bold, median(usual) if usual else 1.25)


def stitch(left: str, right: str, words: Counter[str]) -> str:
    """Two lines of one paragraph as one text; the module's docstring has the rules."""
    if not left or not right:
        return left + right
    if left[-1] == "\u00ad":
        return left[:-1] + right
    if left[-1] in "-\u2010" and len(left) > 1:
        return _at_hyphen(left, right, words)
    last = left.rsplit(None, 1)[-1]
    if re.match(r"https?://|www\.", last) and left[-1] in "/._=&?-%#" and not right[0].isspace():
        return left + right
    if left[-1] in "—" and not left[-2:-1].isspace():
        return left + right
    if _is_cjk(left[-1]) and _is_cjk(right[0]):
        return left + right
    return f"{left} {right}"


def _at_hyphen(left: str, right: str, words: Counter[str]) -> str:
    if left[-2].isspace():  # a dash written as a hyphen
        return f"{left} {right}"
    if left[-2].isdigit() and right[0].isdigit():
        return left + right
    before = re.search(r"[^\W\d_]+(?:-[^\W\d_]+)*$", left[-_MOST_OF_A_WORD:-1])
    after = re.match(r"[^\W\d_]+", right)
    if before is None or after is None:
        return left + right
    first, second = before.group().lower(), after.group().lower()
    whole, compound = words[first + second], words[f"{first}-{second}"]
    kept = (
        compound > whole
        or (not whole and right[0].isupper() and not before.group().isupper())
        or (not whole and ("-" in first or _FIRST_PARTS.fullmatch(first)))
        or (not whole and min(len(first), len(second)) >= 3 and words[first] > 0 and words[second] > 0)
    )
    return left + right if kept else left[:-1] + right


def _is_cjk(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character in "。、，"


def blocks_of(region: Region, style: Style, words: Counter[str], smooth: bool = False) -> list[Block]:
    """The region's paragraphs, in order. `smooth`: sizes are guesses of an OCR, so small differences mean nothing."""
    groups: list[list[Line]] = []
    margins = [_right_margin(region.lines, index) for index in range(len(region.lines))]
    for index, line in enumerate(region.lines):
        below = region.lines[index + 1] if index + 1 < len(region.lines) else None
        if groups and not _breaks(groups[-1], line, below, margins[index - 1], style, smooth):
            groups[-1].append(line)
        else:
            groups.append([line])
    blocks = []
    first = 0
    for group in groups:
        block = _block(group, margins[first : first + len(group)], style, words, smooth)
        if (
            len(group) == 1
            and block.kind == "body"
            and _is_a_full_line(group[0], region.lines, margins[first])
        ):
            block.room = margins[first] - group[0].right
        blocks.append(block)
        first += len(group)
    return blocks


def _is_a_full_line(line: Line, lines: Sequence[Line], margin: float) -> bool:
    """A single line as long as the lines of a paragraph near it: the first of one that goes on elsewhere."""
    alike = [
        other for other in lines if other is not line and abs(other.size - line.size) <= 0.08 * line.size
    ]
    long = [
        other for other in alike if other.right >= line.right - 2 * line.size and len(other.text.split()) >= 4
    ]
    return (
        len(long) >= 2 and len(line.text.split()) >= 4 and margin - line.right < 0.25 * (margin - line.left)
    )


def _right_margin(lines: Sequence[Line], index: int) -> float:
    """Where lines like this one end at the latest: those near it with its size and, roughly, its left edge."""
    line = lines[index]
    near = lines[max(0, index - _NEIGHBOURS) : index + _NEIGHBOURS + 1]
    return max(
        other.right
        for other in near
        if abs(other.left - line.left) <= 2.0 * line.size and abs(other.size - line.size) <= 0.3 * line.size
    )


def _breaks(
    group: Sequence[Line], line: Line, below: Line | None, margin: float, style: Style, smooth: bool
) -> bool:
    """Does `line` begin a new paragraph after `group`? `margin`: where the last line of `group` could have ended."""
    last = group[-1]
    em = max(line.size, 1.0)
    if _has_leaders(line.text) != _has_leaders(last.text):
        return True
    apart = 0.45 if smooth else 0.08
    if abs(line.size - last.size) > apart * max(line.size, last.size):
        return True
    if line.bottom - last.bottom > (1.5 if smooth else 1.28) * max(style.leading, 1.0) * em:
        return True
    if last.cells > 1 or line.cells > 1:
        return not (last.cells > 1 and line.cells > 1)
    if line.bold != last.bold and all(piece.bold == line.bold for piece in line.fragments):
        # A heading ends with its line; words in bold inside a sentence seldom fill a line exactly and then go on with
        # a capital.
        starts = line.text[0].isupper() and last.text[-1] not in ",;" and not _cut(last.text)
        if last.bold and (starts or last.right < margin - 2 * em):
            return True
        if line.bold and _SENTENCE_END.search(last.text):
            return True
    if _cut(last.text):
        return False
    if _LIST_ITEM.match(line.text):
        return True
    ended = bool(_SENTENCE_END.search(last.text))
    indent = line.left - last.left
    centred = abs(line.left + line.right - last.left - last.right) < em and abs(indent) > 0.4 * em
    if centred and not ended:
        return False
    fits = not line.text[0].islower() and _next_fits(last, line, margin)
    if indent > 0.8 * em:
        item = bool(_LIST_ITEM.match(last.text))
        hanging = below is not None and abs(below.left - line.left) < 0.4 * em
        if len(group) == 1 and (item or (hanging and not ended)):
            return ended and fits
        return ended or fits
    if indent < -0.8 * em and len(group) > 1 and ended:
        return True
    return ended and fits


def _next_fits(last: Line, line: Line, margin: float) -> bool:
    """The break was the author's: the next word would have fitted with room to spare."""
    return last.right + line.fragments[0].first_word + 0.9 * line.size < margin


def _cut(text: str) -> bool:
    return text[-1] in "-\u2010\u00ad"


def _block(
    group: Sequence[Line], margins: Sequence[float], style: Style, words: Counter[str], smooth: bool
) -> Block:
    text = group[0].text
    table = len(group) > 1 and sum(line.cells > 1 for line in group) > 0.5 * len(group)
    for above, below, margin in zip(group, group[1:], margins, strict=False):
        broken = not _cut(above.text) and not below.text[0].islower() and _next_fits(above, below, margin)
        if table or (broken and above.right < margin - 0.12 * (margin - above.left)):
            text = f"{text}\n{below.text}"
        else:
            text = stitch(text, below.text, words)
    size, bold = group[0].size, all(line.bold for line in group)
    last = group[-1]
    kind: Kind = "heading" if _is_heading(text, group, style, smooth) else "body"
    if all(_has_leaders(line.text) for line in group):
        kind = "furniture"  # it points at text, it says nothing itself
    if kind == "heading":
        text = text.replace("\n", " ")
    plain = kind == "body" and not table
    item = bool(_LIST_ITEM.match(text))
    return Block(
        text=text,
        kind=kind,
        size=size,
        bold=bold,
        open_end=plain and not _SENTENCE_END.search(last.text),
        room=margins[-1] - last.right if len(group) > 1 else math.inf,
        first_word=group[0].fragments[0].first_word,
        goes_on=plain and not item and text[0].islower(),
        fresh=not plain or item or (len(group) > 1 and group[0].left > group[1].left + 0.8 * size),
        table=table or group[0].cells > 1,
    )


def _is_heading(text: str, group: Sequence[Line], style: Style, smooth: bool) -> bool:
    """Short, set larger or bolder than the body, not a row of cells, not a sentence."""
    if len(text) > _HEADING_CHARACTERS or len(group) > 4 or any(line.cells > 2 for line in group):
        return False
    if group[0].cells == 2 and len(group[0].fragments[0].text) > 6:  # but "3.1   Findings" is one
        return False
    if not re.search(r"[^\W\d_]{2}", text) or _cut(text) or text[0].islower():
        return False
    size = group[0].size
    if size >= (1.5 if smooth else 1.12) * style.size:
        return not (text.endswith((".", ",", ";")) and len(text) > 80)
    bold = all(line.bold for line in group) and not style.bold and not smooth
    return bold and size >= 0.95 * style.size and len(text) <= 120 and not text.endswith((",", ";", "."))
