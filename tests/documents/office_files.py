"""Word and Excel files as the tests make and change them, and what holds for every one that is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from docx.oxml.ns import nsdecls

from rag.documents.building import Parsed, canonical
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings

SETTINGS = DocumentSettings()
W = nsdecls("w")


def saved(document: Any) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def checked(parsed: Parsed) -> Parsed:
    assert parsed.text == canonical(parsed.text)
    assert parsed.published is None
    for span in (*parsed.headings, *parsed.furniture):
        assert span.of(parsed.text).strip()
    return parsed


def blocks(parsed: Parsed) -> list[str]:
    return parsed.text.split("\n\n")


def headings(parsed: Parsed) -> list[str]:
    return [span.of(parsed.text) for span in parsed.headings]


def furniture(parsed: Parsed) -> list[str]:
    return [span.of(parsed.text) for span in parsed.furniture]


def changed(data: bytes, change: Callable[[str, bytes], bytes | None], **more: bytes) -> bytes:
    """The package with each part replaced by `change(name, bytes)` (None: left out), and `more` parts added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
        for name, part in more.items():
            new.writestr(name, part)
    return stream.getvalue()


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows or [("Date", "People"), ("2026-01-20", 37)]:
        book.active.append(row)
    return saved(book)


def refused(read: Any, data: bytes, settings: DocumentSettings = SETTINGS) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read(data, "file.office", settings)
    assert caught.value.where == "file.office"
    assert caught.value.next_step
    return caught.value


def shared(folder: Path, name: str) -> bytes:
    path = folder / "data" / "documents" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the development data")
    return path.read_bytes()
