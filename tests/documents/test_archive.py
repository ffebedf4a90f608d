"""ZIP: labels only, bombs refused before they are expanded, every failure named, the other files still read."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from rag.documents.load import Failure, Loaded
from rag.settings import MIB, DocumentSettings

Loads = Callable[..., list[Loaded | Failure]]
Zipped = Callable[[dict[str, bytes]], bytes]


def paths(found: list[Loaded | Failure]) -> list[str]:
    return [item.document.path if isinstance(item, Loaded) else f"failed {item.path}" for item in found]


def test_members_are_documents_in_order(loads: Loads, zipped: Zipped) -> None:
    data = zipped(
        {
            "b/two.txt": b"Second words.",
            "a.txt": b"First words.",
            "__MACOSX/a.txt": b"junk",
            ".DS_Store": b"x",
        }
    )
    assert paths(loads(data, "box.zip")) == ["box.zip!/b/two.txt", "box.zip!/a.txt"]


def test_the_kind_is_told_by_content(loads: Loads, zipped: Zipped) -> None:
    assert paths(loads(zipped({"a.txt": b"Words."}), "report.txt")) == ["report.txt!/a.txt"]


def test_a_zip_in_a_zip(loads: Loads, zipped: Zipped) -> None:
    data = zipped({"in.zip": zipped({"a.txt": b"Words."}), "b.txt": b"More words."})
    assert paths(loads(data, "o.zip")) == ["o.zip!/in.zip!/a.txt", "o.zip!/b.txt"]


def test_nesting_ends_somewhere_and_the_rest_is_read(loads: Loads, zipped: Zipped) -> None:
    data = b"Words."
    for _ in range(6):
        data = zipped({"in.zip": data, "a.txt": b"Words."})
    found = loads(data, "o.zip")
    assert sum(isinstance(item, Failure) and "deep" in item.error for item in found) == 1
    assert sum(isinstance(item, Loaded) for item in found) == 4


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "..\\..\\evil.txt", "C:\\evil.txt", "a/../../evil.txt"]
)
def test_tricks_with_paths_are_refused_and_named(loads: Loads, zipped: Zipped, name: str) -> None:
    found = loads(zipped({name: b"Words.", "good.txt": b"Good words."}), "box.zip")
    failures = [item for item in found if isinstance(item, Failure)]
    assert len(failures) == 1
    assert "points outside" in failures[0].error
    assert "evil.txt" in failures[0].path
    assert paths(found)[1] == "box.zip!/good.txt"


def test_a_symbolic_link_is_refused(loads: Loads) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    (found,) = loads(buffer.getvalue(), "box.zip")
    assert isinstance(found, Failure)
    assert "link" in found.error


def test_names_that_no_terminal_should_see(loads: Loads, zipped: Zipped) -> None:
    (found,) = loads(zipped({"a\x1b[31m\u202etxt.exe": b"Words."}), "box.zip")
    assert isinstance(found, Loaded)
    assert found.document.path == "box.zip!/a\\x1b[31m\\u202etxt.exe"


def test_utf_8_names_without_the_flag(loads: Loads, zipped: Zipped) -> None:
    data = bytearray(zipped({"a\u00f1o.txt": b"Words."}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset + 1] &= ~0x08  # bit 11: the name is UTF-8
    assert paths(loads(bytes(data), "box.zip")) == ["box.zip!/año.txt"]


def test_a_bomb_by_ratio(loads: Loads, zipped: Zipped) -> None:
    found = loads(zipped({"zeros.txt": b"0" * (30 * MIB), "a.txt": b"Words."}), "bomb.zip")
    assert paths(found) == ["failed bomb.zip!/zeros.txt", "bomb.zip!/a.txt"]
    assert isinstance(found[0], Failure)
    assert "bomb" in found[0].error


def test_a_bomb_by_total_over_all_levels(loads: Loads, zipped: Zipped) -> None:
    inner = zipped({f"{number}.txt": bytes(str(number), "ascii") * MIB for number in range(8)})
    limits = DocumentSettings(max_archive_bytes=6 * MIB)
    found = loads(zipped({"1.zip": inner, "2.zip": inner, "z.txt": b"Words."}), "bomb.zip", limits)
    assert isinstance(found[-1], Failure)
    assert "expands to more than" in found[-1].error
    assert sum(isinstance(item, Loaded) for item in found) <= 6


def test_a_bomb_of_many_files(loads: Loads, zipped: Zipped) -> None:
    data = zipped({f"{number}.txt": b"Words." for number in range(12)})
    found = loads(data, "many.zip", DocumentSettings(max_archive_files=10))
    assert len(found) == 11
    assert isinstance(found[-1], Failure)
    assert "more than 10 files" in found[-1].error


def test_a_bomb_of_overlapping_files(loads: Loads, zipped: Zipped) -> None:
    data = zipped({"a.txt": b"Words of the first.", "b.txt": b"Words of the second."})
    second = data.rindex(b"PK\x01\x02")
    overlapping = bytearray(data)
    overlapping[second + 42 : second + 46] = struct.pack("<I", 4)  # the second begins inside the first
    (found,) = loads(bytes(overlapping), "bomb.zip")
    assert isinstance(found, Failure)
    assert "overlap" in found.error


def test_a_size_that_lies(loads: Loads, zipped: Zipped) -> None:
    data = zipped({"a.txt": b"0123456789" * 1000, "b.txt": b"Good words."})
    lie = data.replace(struct.pack("<I", 10_000), struct.pack("<I", 10))
    found = loads(lie, "lie.zip")
    assert paths(found) == ["failed lie.zip!/a.txt", "lie.zip!/b.txt"]


def test_a_member_larger_than_the_limit(loads: Loads, zipped: Zipped) -> None:
    found = loads(
        zipped({"big.txt": b"words " * MIB, "a.txt": b"Words."}), "b.zip", DocumentSettings(max_bytes=2 * MIB)
    )
    assert paths(found) == ["failed b.zip!/big.txt", "b.zip!/a.txt"]


def test_an_encrypted_member(loads: Loads, zipped: Zipped) -> None:
    data = bytearray(zipped({"a.txt": b"Words."}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    (found,) = loads(bytes(data), "secret.zip")
    assert isinstance(found, Failure)
    assert "password" in found.error
    assert found.path == "secret.zip!/a.txt"


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_archive(loads: Loads, zipped: Zipped, share: float) -> None:
    data = zipped({f"{number}.txt": bytes(range(256)) * 20 for number in range(5)})
    (found,) = loads(data[: int(len(data) * share)], "cut.zip")
    assert isinstance(found, Failure)
    assert "incomplete ZIP" in found.error


def test_a_damaged_member_does_not_spoil_the_others(loads: Loads) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", b"Words to be damaged.")
        archive.writestr("b.txt", b"Good words.")
    found = loads(buffer.getvalue().replace(b"to be damaged", b"XX XX XXXXXXX"), "d.zip")
    assert paths(found) == ["failed d.zip!/a.txt", "d.zip!/b.txt"]


def test_an_empty_archive(loads: Loads, zipped: Zipped) -> None:
    (found,) = loads(zipped({}), "none.zip")
    assert isinstance(found, Failure)
    assert "no file" in found.error
