"""What office programs write about a file, and when to believe it.

Titles and authors in a file's properties are often left over: a template's, the file's name, the program's own.
Better no title than a wrong one, because it is printed beside every quote.
"""

from __future__ import annotations

import datetime as dt
import os
import re

_MADE_BY_PROGRAM = re.compile(
    r"microsoft (?:office )?(?:word|excel|powerpoint)\b|untitled|(?:word )?(?:document|dokument|documento|presentation"
    r"|slide|book|scan|img|image|print|workbook|sheet|libro|hoja|mappe|tabelle)\s*\d*$|powerpoint presentation"
    r"|(?:unbenannt|sin título|sem título|sans titre)\b"
)
_FILE_NAME = re.compile(
    r"\.(?:docx?|xlsx?|pptx?|pdf|rtf|odt|txt|indd|qxp|jpe?g|png|tiff?|html?|ps|tex|dvi|cdr|ai|pub|csv)$"
)
_NOBODY = re.compile(
    r"(?:windows |microsoft )?(?:office )?user|usuario|admin|administrator|owner|unknown|anonymous|author|autor|un-named"
    r"|microsoft|python-docx|openpyxl|docx4j|apache poi",
    re.IGNORECASE,
)


def is_plausible_title(title: str, name: str) -> bool:
    """A title that a person wrote: not empty, not the file's `name`, not what an office program fills in by itself."""
    plain = title.casefold().strip()
    if len(re.findall(r"[^\W\d_]", plain)) < 3 or len(title) > 300 or "\ufffd" in title:
        return False
    if _MADE_BY_PROGRAM.match(plain) or _FILE_NAME.search(plain) or re.fullmatch(r"\S*[\\/_]\S*", plain):
        return False
    stem = re.sub(r"\.\w{1,5}$", "", os.path.basename(name)).casefold()
    return plain != stem or " " in plain


def plausible_author(author: str) -> str | None:
    """A person's or an office's name, None for an account's or a program's."""
    author = " ".join(author.split())
    named = re.search(r"[^\W\d_]{2}", author) and len(author) <= 120
    return author if named and not _NOBODY.fullmatch(author) else None


def iso_or_none(value: str) -> str | None:
    """`value` where Python reads it as an ISO 8601 date or time, else None."""
    try:
        dt.datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return value.strip()
