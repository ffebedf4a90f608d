"""Hostile and broken packages, as Word and as Excel files."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from random import Random
from typing import Any

import docx
import pytest

from rag.documents.office import parse_docx, parse_xlsx
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings
from tests.documents.office_files import SETTINGS, changed, checked, refused, saved, sheet


def word() -> bytes:
    document = docx.Document()
    document.add_paragraph("All 37 people left.")
    return saved(document)


BOTH = [(parse_docx, word, "word/document.xml"), (parse_xlsx, sheet, "xl/worksheets/sheet1.xml")]
each_format = pytest.mark.parametrize(("read", "make", "main"), BOTH, ids=["docx", "xlsx"])


@each_format
def test_an_external_entity_is_not_fetched(read: Any, make: Any, main: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def change(name: str, part: bytes) -> bytes:
        if name != main:
            return part
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", part)
        return entity + body.replace(b"All 37", b"&e;").replace(b"<v>37</v>", b"<v>&e;</v>")

    error = refused(read, changed(make(), change))
    assert "the secret" not in str(error)
    assert "document type" in error.what


@each_format
def test_a_billion_laughs(read: Any, make: Any, main: str) -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]>'.encode()

    def change(name: str, part: bytes) -> bytes:
        if name != main:
            return part
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", part)
        return bomb + body.replace(b"All 37", b"&l9;").replace(b"<v>37</v>", b"<v>&l9;</v>")

    refused(read, changed(make(), change))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "docProps/core.xml"]
)
def test_entities_in_any_part_of_a_workbook_are_harmless(part: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def change(name: str, data: bytes) -> bytes:
        if name != part:
            return data
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data)
        return entity + body.replace(b"People", b"&e;").replace(b"Sheet", b"&e;")

    try:
        text = parse_xlsx(changed(sheet(), change), "file.office", SETTINGS).text
    except UnreadableFile as error:
        text = str(error)
    assert "the secret" not in text


@each_format
def test_a_part_that_expands_to_gigabytes_is_refused_unread(read: Any, make: Any, main: str) -> None:
    big = b" " * (64 * MIB)
    data = changed(make(), lambda name, part: part + big if name == main else part)
    assert len(data) < MIB
    assert "expands" in refused(read, data).what


@each_format
def test_a_limit_on_all_parts_together(read: Any, make: Any, main: str) -> None:
    assert "expands" in refused(read, make(), DocumentSettings(max_archive_bytes=1000)).what


@each_format
@pytest.mark.parametrize("part", [0.1, 0.6, 0.95])
def test_a_truncated_package(read: Any, make: Any, main: str, part: float) -> None:
    data = make()
    assert "damaged" in refused(read, data[: int(len(data) * part)]).what


@each_format
def test_a_damaged_main_part(read: Any, make: Any, main: str) -> None:
    assert (
        "damaged"
        in refused(
            read, changed(make(), lambda name, part: part[: len(part) // 2] if name == main else part)
        ).what
    )


@each_format
def test_a_missing_main_part(read: Any, make: Any, main: str) -> None:
    refused(read, changed(make(), lambda name, part: None if name == main else part))


@each_format
def test_a_password_protected_or_old_file(read: Any, make: Any, main: str) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert "password" in refused(read, ole + "EncryptedPackage".encode("utf-16-le")).what
    assert "2007" in refused(read, ole).what


@each_format
@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_give_a_document_or_a_plain_failure(read: Any, make: Any, main: str, seed: int) -> None:
    random = Random(seed)
    data = bytearray(make())
    for _ in range(random.choice([1, 5, 40])):
        data[random.randrange(len(data))] = random.randrange(256)
    # Anything but UnreadableFile goes through and fails the test.
    with contextlib.suppress(UnreadableFile):
        checked(read(bytes(data), "file.office", SETTINGS))
