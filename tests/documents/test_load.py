"""Loading: the kind by content, ids, walking folders, bad input, and workers that crash or hang."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.documents import isolate
from rag.documents.building import Parsed
from rag.documents.load import Failure, Loaded, document_id, label, load, read_file, walk
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Document

Loads = Callable[..., list[Loaded | Failure]]
Fails = Callable[..., Failure]

MAIL = b"From: Ana <a@example.org>\nTo: b@example.org\nSubject: Bridge\nDate: 3 Feb 2026 10:00:00 +0000\n\nThe words.\n"


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"<!DOCTYPE html><html><body><p>Words here.</p></body></html>", "page.txt", "text/html"),
        (b"<?xml version='1.0'?><!-- x --><html><p>Words here.</p></html>", "page", "text/html"),
        (b"<div><p>Words here.</p><p>More.</p></div>", "part.txt", "text/html"),
        ("<html><p>Words.</p></html>".encode("utf-16"), "wide.dat", "text/html"),
        (b"Plain words about <p> and </p> tags.", "about.txt", "text/plain"),
        (b"Plain words.", "report.pdf", "text/plain"),
        (b"Plain words.", "report.docx", "text/plain"),
        (b"Plain words.", "", "text/plain"),
        (MAIL, "mail.txt", "message/rfc822"),
        (b"Subject: only this line\n\nis no mail.", "note.txt", "text/plain"),
        (b"# Title\n\nWords.", "notes.md", "text/markdown"),
        (b"# Title\n\nWords.", "notes.txt", "text/plain"),
        (b"Part,Cost\nPillars,12\n", "costs.csv", "text/csv"),
        (b"Part\tCost\tYear\nPillars\t12\t2026\nRoad\t28\t2026\n", "costs.txt", "text/tab-separated-values"),
        (b"Yes, we can, she said.\nNo, he said, not.\nWell, well, well.\n", "talk.txt", "text/plain"),
        (b'{"a": [1, 2, 3]}', "data.json", "text/plain"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_content(
    document: Callable[..., Document], data: bytes, name: str, media_type: str
) -> None:
    assert document(data, name).media_type == media_type


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "empty"),
        (b" \n \t\n", "white space"),
        (bytes(range(256)) * 20, "binary"),
        (b"\x7fELF\x02\x01\x01" + b"\x00" * 100, "program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old Office"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
        (b"7z\xbc\xaf\x27\x1c" + b"\x00" * 50, "7-Zip"),
        (b"Rar!\x1a\x07\x00" + b"\x00" * 50, "RAR"),
        (b"\x1f\x8b\x08" + b"\x00" * 50, "gzip"),
        (b"{\\rtf1\\ansi Words.}", "RTF"),
        (b"\x00\x00\x00\x20ftypisom" + b"\x00" * 50, "video"),
        (b"ID3\x03" + b"\x00" * 50, "sound"),
        (b"SQLite format 3\x00" + b"\x00" * 50, "SQLite"),
        (b"%PDF-1.7\n1 0 obj\n<<", ""),
        (b"PK\x03\x04 this is no archive", "ZIP"),
        (b"<html><body></body></html>", "no text"),
    ],
)
def test_bad_input_is_named(fails: Fails, data: bytes, error: str) -> None:
    failure = fails(data, "folder/bad file")
    assert failure.path == "folder/bad file"
    assert error in failure.error


def test_office_files_are_told_from_archives(fails: Fails, zipped: Callable[..., bytes]) -> None:
    assert "presentation" in fails(zipped({"ppt/presentation.xml": b"<x/>"}), "a.zip").error
    odt = {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}
    assert "OpenDocument" in fails(zipped(odt), "a.zip").error


def test_limits(fails: Fails) -> None:
    assert "limit of 0 MiB" in fails(b"word " * 100, "big.txt", DocumentSettings(max_bytes=100)).error
    assert "limit of 100" in fails(b"word " * 100, "long.txt", DocumentSettings(max_characters=100)).error


def test_ids_are_readable_and_depend_on_the_bytes() -> None:
    digest = "0123456789abcdef" * 4
    assert document_id("box/El año — Informe (final).v2.txt", digest) == "el-ano-informe-final-v2-01234567"
    assert (
        document_id("a.zip!/" + "long " * 30 + ".txt", digest)
        == "long-long-long-long-long-long-long-long-01234567"
    )
    assert document_id("\u65b0\u805e.txt", digest) == "document-01234567"
    assert document_id(".hidden", digest) == "hidden-01234567"


def test_the_same_bytes_give_the_same_document(document: Callable[..., Document]) -> None:
    assert document(b"Words.", "a.txt") == document(b"Words.", "a.txt")
    assert document(b"Words.", "a.txt").id != document(b"Other words.", "a.txt").id


def test_walking_a_folder(tmp_path: Path, settings: DocumentSettings) -> None:
    for name in ("b.txt", "a/z.txt", "a/y.txt", ".hidden/x.txt", ".secret", "c d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Words.")
    found = list(walk([tmp_path], settings))
    assert found == [tmp_path / name for name in ("a/y.txt", "a/z.txt", "b.txt", "c d.txt")]
    assert (
        list(walk([tmp_path / "b.txt", tmp_path, tmp_path / "b.txt"], settings)).count(tmp_path / "b.txt")
        == 1
    )
    assert list(walk([tmp_path / ".secret"], settings)) == [tmp_path / ".secret"]  # named outright


def test_loops_and_links(tmp_path: Path, settings: DocumentSettings) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.txt").write_text("Words.")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "twin").symlink_to(tmp_path / "a" / "b")
    found = list(walk([tmp_path], settings))
    assert [item for item in found if isinstance(item, Path)] == [tmp_path / "a" / "b" / "x.txt"]
    failures = {item.path.rsplit("/", 1)[1]: item.error for item in found if isinstance(item, Failure)}
    assert sorted(failures) == ["gone", "self", "up"]
    assert "loop" in failures["up"]
    assert "does not exist" in failures["gone"]


def test_special_files_are_never_opened(
    tmp_path: Path, settings: DocumentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the address of a socket may be no longer than 108 bytes
        listener.bind("socket")
        found = list(walk([tmp_path, Path("/dev/null")], settings))
    assert [type(item) for item in found] == [Failure] * 3
    assert [item.error for item in found if isinstance(item, Failure)] == [
        "not a file but a pipe", "not a file but a socket", "not a file but a device",
    ]  # fmt: skip
    started = time.monotonic()
    assert isinstance(read_file(tmp_path / "pipe", settings), Failure)  # would wait for ever
    assert time.monotonic() - started < 5


def test_missing_unreadable_and_large_files(tmp_path: Path, settings: DocumentSettings) -> None:
    (missing,) = walk([tmp_path / "none.txt"], settings)
    assert isinstance(missing, Failure)
    assert "no such file" in missing.error
    (tmp_path / "big.txt").write_bytes(b"x" * 200)
    (big,) = walk([tmp_path / "big.txt"], DocumentSettings(max_bytes=100))
    assert isinstance(big, Failure)
    assert isinstance(read_file(tmp_path / "big.txt", DocumentSettings(max_bytes=100)), Failure)
    assert isinstance(read_file(tmp_path, settings), Failure)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path, settings: DocumentSettings) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Words.")
    secret.chmod(0)
    found = read_file(secret, settings)
    assert isinstance(found, Failure)
    assert "permission" in found.error


def test_a_name_that_is_not_utf_8(tmp_path: Path, settings: DocumentSettings) -> None:
    path = os.fsencode(tmp_path) + b"/a\xf1o\n.txt"
    with open(path, "wb") as stream:
        stream.write(b"Words.")
    (found,) = walk([tmp_path], settings)
    assert isinstance(found, Path)
    shown = label(found)
    assert shown.endswith("/a\\xf1o\\x0a.txt")
    json.dumps(shown).encode("utf-8")
    data = read_file(found, settings)
    assert isinstance(data, bytes)
    (loaded,) = load(data, shown, settings)
    assert isinstance(loaded, Loaded)
    loaded.document.path.encode("utf-8")
    assert re.fullmatch(r"[a-z0-9-]+", loaded.document.id)


# Readers for the next tests, run in a real worker: they hang, crash, print and use up memory as C libraries do.
READERS = """
import ctypes, os, subprocess, sys, time
from rag.documents import allowance
from rag.documents.building import Parsed

def hang(data, name, settings):
    ctypes.PyDLL(None).sleep(60)  # C code that keeps the interpreter's lock: no Python signal handler could run

def crash(data, name, settings):
    os.abort()

def raises(data, name, settings):
    return {}["missing"]

def eats(data, name, settings):
    return bytearray(64 * 1024**3)

def asks(data, name, settings):
    allowance.for_scans(1, settings)
    time.sleep(1.5)
    return Parsed(data.decode(), "text/plain")

def starts(data, name, settings):
    child = subprocess.Popen(["sleep", "60"])
    with open(os.environ["PIDS"], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    time.sleep(60)

def speaks(data, name, settings):
    os.write(1, b"chatter" * 100)
    print("chatter", flush=True)
    return Parsed(data.decode(), "text/plain", title=name)
"""


def _parse(family: str, max_seconds: float = 60.0) -> Parsed:
    return isolate.parse(family, b"Words.", f"{family}.bin", DocumentSettings(max_seconds=max_seconds))


def test_a_hang_in_c_code_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _odd_readers(tmp_path, monkeypatch)
    started = time.monotonic()
    with pytest.raises(UnreadableFile, match=r"more than 0\.5 seconds"):
        _parse("hang", max_seconds=0.5)
    assert time.monotonic() - started < 15
    isolate.close_workers()


def test_a_reader_that_asks_gets_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _odd_readers(tmp_path, monkeypatch)
    assert isolate.parse(
        "asks", b"Words.", "a", DocumentSettings(max_seconds=1.0, ocr_page_seconds=20.0)
    ).text
    with pytest.raises(UnreadableFile, match=r"more than 1 seconds"):
        isolate.parse("asks", b"Words.", "a", DocumentSettings(max_seconds=1.0, ocr_page_seconds=0.0))
    isolate.close_workers()


def test_what_a_reader_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _odd_readers(tmp_path, monkeypatch)
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    with pytest.raises(UnreadableFile, match="more than 1 seconds"):
        _parse("starts", max_seconds=1.0)
    for pid in (tmp_path / "pids").read_text().split():
        assert _ends(int(pid))
    isolate.close_workers()


def test_a_worker_ends_with_a_program_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _odd_readers(tmp_path, monkeypatch)
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    code = (
        "import sys\nfrom rag.documents import isolate\nfrom rag.settings import DocumentSettings\n"
        "isolate._COMMAND = (sys.executable, '-P', '-m', 'start')\n"
        "isolate.parse('starts', b'x', 'x', DocumentSettings(max_seconds=60.0))\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code])
    for _ in range(300):
        if (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count(" "):
            break
        time.sleep(0.1)
    program.kill()
    program.wait()
    for pid in (tmp_path / "pids").read_text().split():
        assert _ends(int(pid))


def _ends(pid: int) -> bool:
    """True once the process is gone, or only waits to be reaped; within ten seconds."""
    for _ in range(100):
        try:
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_a_crash_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _odd_readers(tmp_path, monkeypatch)
    with pytest.raises(UnreadableFile, match="crashed"):
        _parse("crash")
    with pytest.raises(UnreadableFile, match="KeyError"):
        _parse("raises")
    with pytest.raises(UnreadableFile, match="memory"):
        _parse("eats")
    parsed = _parse("speaks")  # the same worker goes on, and what it prints does not matter
    assert (parsed.text, parsed.title) == ("Words.", "speaks.bin")
    isolate.close_workers()


def _odd_readers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "odd_readers.py").write_text(READERS)
    start = "import sys\nfrom rag.documents import isolate\n"
    start += "names = 'hang crash raises eats speaks asks starts'.split()\n"
    start += "isolate._READERS.update({name: ('odd_readers', name) for name in names})\n"
    start += "isolate._serve()\n"
    (folder / "start.py").write_text(start)
    isolate.close_workers()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(isolate, "_COMMAND", (sys.executable, "-P", "-m", "start"))


def test_the_worker_imports_no_program(loads: Loads) -> None:
    code = (
        "import sys, rag.documents.isolate\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('gradio', 'torch', 'chromadb', 'llama_index', 'trafilatura', 'lxml', 'numpy') or name == 'rag.cli'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_workers_end_with_the_program_and_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text("<html><p>Words here.</p></html>")
    code = (
        "import sys\nfrom pathlib import Path\nfrom rag.documents.load import load\n"
        "from rag.settings import DocumentSettings\n"
        "(found,) = load(Path(sys.argv[1]).read_bytes(), 'p.html', DocumentSettings())\n"
        "from rag.documents import isolate\nprint(isolate._pool._idle[0]._process.pid, found.document.text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", code, str(tmp_path / "p.html")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    pid, text = done.stdout.split(" ", 1)
    assert text.strip() == "Words here."
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_three_hundred_text_files_load_quickly(loads: Loads) -> None:
    sentence = "The council met on Tuesday and voted seven to two for the new bridge, which opens in spring. "
    started = time.monotonic()
    for number in range(300):
        (found,) = loads((f"Report {number}\n\n" + (sentence * 8 + "\n\n") * 5).encode(), f"{number}.txt")
        assert isinstance(found, Loaded)
    assert time.monotonic() - started < 10  # 1 s on a quiet machine; this only catches what is slower by far


@pytest.mark.shared
def test_every_real_file_is_a_document_or_a_named_failure(shared: Path, settings: DocumentSettings) -> None:
    found: dict[str, list[Loaded | Failure]] = {}
    for path in walk([shared / "data" / "documents", shared / "seeds"], settings):
        assert isinstance(path, Path)
        data = read_file(path, settings)
        assert isinstance(data, bytes)
        found[path.name] = list(load(data, label(path), settings))
        for item in found[path.name]:
            if isinstance(item, Loaded):
                assert item.document.text.strip()
                assert item.data
    failed = {name for name, items in found.items() if any(isinstance(item, Failure) for item in items)}
    assert "password.pdf" in failed
    scans = {"loremipsum-flat.pdf", "ocr_test.pdf", "table-multi-row-column-cells.pdf"}  # need Tesseract
    assert failed <= {"password.pdf", "zen_of_python_corrupted.pdf", *scans}


def test_the_folder_that_a_browser_saves_beside_a_page_is_passed_over(
    tmp_path: Path, settings: DocumentSettings
) -> None:
    for folder in ("Bridge_files", "Ferry_files", "Puente_archivos"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.js").write_text("let a = 1;")
    (tmp_path / "Bridge.html").write_text("<p>Bridge.</p>")
    (tmp_path / "Puente.htm").write_text("<p>Puente.</p>")
    found = [
        path.relative_to(tmp_path).as_posix() for path in walk([tmp_path], settings) if isinstance(path, Path)
    ]
    assert found == ["Bridge.html", "Ferry_files/a.js", "Puente.htm"]
