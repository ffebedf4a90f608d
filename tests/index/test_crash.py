"""Kill -9 at random moments of a real `add`, a disk that becomes full, two writers at once.

After each kill: what had been acknowledged is found, the same `add` again completes the work, `check` finds nothing
wrong, and the library takes no more room than it should. Half of the kills wait until Chroma is being written to,
because that is where embedded Chroma was measured to break for good or to fill the disk.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from rag.errors import LibraryMissing, OnRecordError
from rag.index.lexical import Entry, LexicalIndex
from rag.index.library import Library
from rag.settings import Settings

from .conftest import HashEmbedder, report_text
from .looking import by_meaning, by_word

MIB = 1024 * 1024
ROOT = Path(__file__).parents[2]
EMBEDDER = HashEmbedder(dimension=64)

pytestmark = pytest.mark.crash


def _start(library: Path, files: Path, *options: str) -> subprocess.Popen[str]:
    """The writing process, once it has imported everything."""
    command = [sys.executable, "-m", "tests.index.writer_process", str(library), str(files), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def _wait_for_chroma(library: Path, process: subprocess.Popen[str]) -> None:
    """Returns when Chroma is being written to, or the process has ended."""
    while process.poll() is None:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(
                sqlite3.connect(f"file:{library / 'catalogue.sqlite'}?mode=ro", uri=True)
            ) as connection,
        ):
            if connection.execute("SELECT 1 FROM state WHERE key = 'vectors_dirty'").fetchone():
                return
        time.sleep(0.002)


def _open(library: Path, *, write: bool = False, embedder: HashEmbedder | None = EMBEDDER) -> Library:
    return Library.open(library, Settings(), write=write, create=write, embedder=embedder)


def _write(files: Path, name: str, version: int) -> None:
    """A file whose text holds its own name and version as words, so that both can be searched for."""
    text = f"File {name} in version v{version}{name}.\n\n{report_text(version + zlib.crc32(name.encode()) % 90, 10)}"
    (files / f"{name}.txt").write_text(text, encoding="utf-8")


def _seen(library: Path) -> dict[str, str]:
    """Document id by file name, as a reader sees them; nothing where the library has not come to be yet."""
    try:
        with _open(library) as reader:
            return {
                Path(path).stem: record.document_id for record in reader.documents() for path in record.copies
            }
    except LibraryMissing:
        return {}


def _everything_is_found(library: Library, seen: dict[str, str], random: Random) -> None:
    for name, document_id in seen.items():
        assert by_word(library, name) == {document_id}, f"{name} is not found by its words"
    for name in random.sample(sorted(seen), min(8, len(seen))):
        text = library.passages_of(seen[name])[0].text
        assert by_meaning(library, text) == seen[name], f"{name} is not found by its meaning"


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _mount(folder: Path, mebibytes: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def _small_disk(tmp_path: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of its own, to be filled; skips the test where this user may not mount one."""
    disk = tmp_path / "small"
    disk.mkdir()
    if not _mount(disk, mebibytes):
        pytest.skip("this user may not mount a small file system")
    try:
        yield disk
    finally:
        _unmount(disk)


@pytest.fixture
def bounded_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 MiB where this user may mount one, else a plain folder; its size is watched anyway."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = _mount(folder, 128)
    yield folder
    if mounted:
        _unmount(folder)


_KILLS, _ROUNDS = 10, 40  # kills that come in time, and rounds at most to get so many
_NEW, _CHANGED = 24, 3  # files of a round


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_ten_random_moments(files: Path, bounded_disk: Path, seed: int) -> None:
    random, library = Random(seed), bounded_disk / "library"
    names: list[str] = []
    killed = round_number = 0
    # A kill that comes too late tests nothing: then the next ones come sooner, however fast or busy the machine is.
    patience = {"anywhere": 0.5, "inside Chroma": 0.12}
    while killed < _KILLS:
        assert round_number < _ROUNDS, "hardly any kill came in time"
        for name in random.sample(names, min(_CHANGED, len(names))):
            _write(files, name, round_number)
        for number in range(_NEW):
            names.append(f"f{seed}{round_number}n{number}")
            _write(files, names[-1], round_number)
        before = _seen(library)

        process = _start(library, files)
        aim = "inside Chroma" if killed % 2 else "anywhere"
        if aim == "inside Chroma":
            _wait_for_chroma(library, process)
        time.sleep(random.uniform(0, patience[aim]))
        in_time = process.poll() is None
        killed += in_time
        patience[aim] *= 1.0 if in_time else 0.6
        round_number += 1
        _kill(process)

        seen = _seen(library)
        assert before.keys() <= seen.keys(), "a document that had been acknowledged is gone"
        if seen:
            with _open(library) as reader:
                _everything_is_found(reader, seen, random)
        with _open(library, write=True) as writer:
            report = writer.add([files])
            assert report.failed == []
            assert writer.check().problems == []
            seen = {Path(record.path).stem: record.document_id for record in writer.documents()}
            assert sorted(seen) == sorted(names)
            _everything_is_found(writer, seen, random)
            for name in names:
                assert writer.original(seen[name]) == (files / f"{name}.txt").read_bytes()
        assert _size(library) < 64 * MIB


def test_killed_with_the_packaged_embedder(files: Path, bounded_disk: Path) -> None:
    random, library = Random(9), bounded_disk / "library"
    names = [f"p{number}" for number in range(16)]
    for name in names:
        _write(files, name, 1)
    # The first time, the model is converted: a process killed while that goes on must not leave half a model either.
    for delay in (0.5, 2.5, 4.0):
        process = _start(library, files, "packaged")
        time.sleep(delay)
        _kill(process)
    with Library.open(library, Settings(), write=True, create=True) as writer:
        writer.add([files])
        assert writer.check().problems == []
        _everything_is_found(writer, {Path(r.path).stem: r.document_id for r in writer.documents()}, random)
        assert len(writer.documents()) == len(names)


def test_killed_while_removing(files: Path, bounded_disk: Path) -> None:
    """Whatever moment it is: the documents are gone, or all there; after the next opening for writing, no trace."""
    library = bounded_disk / "library"
    for number in range(40):
        _write(files, f"r{number}", 1)
    random = Random(3)
    for _ in range(6):
        with _open(library, write=True) as writer:
            writer.add([files])
            going = {
                Path(r.path).stem: r.document_id
                for r in writer.documents()
                if Path(r.path).stem in ("r3", "r7")
            }
        process = _start(library, files, "remove", *going.values())
        time.sleep(random.uniform(0, 0.25))
        _kill(process)
        left = _seen(library)
        assert {"r3", "r7"} <= left.keys() or not {"r3", "r7"} & left.keys()
        with _open(library, write=True) as writer:
            assert len(by_word(writer, "r3")) == len(by_word(writer, "r7")) == int("r3" in left)
            if "r3" not in left:
                assert not any(writer.originals.path(i).exists() for i in ("r3", "r7"))
                writer.repair()
                assert writer.check().problems == []


def test_a_disk_that_becomes_full(files: Path, tmp_path: Path) -> None:
    """Real ENOSPC at random moments, in SQLite, in tantivy, in Chroma or in an original: said in one line each time."""
    with _small_disk(tmp_path, 64) as disk:
        library, random = disk / "library", Random(7)
        names: list[str] = []
        stopped = 0
        for round_number in range(6):
            for number in range(60):
                names.append(f"d{round_number}n{number}")
                _write(files, names[-1], round_number)
            before = _seen(library)
            process = _start(library, files)
            if round_number % 3 == 2:
                _wait_for_chroma(library, process)
            else:
                time.sleep(random.uniform(0, 0.6))
            _fill(disk / "filler")
            _, said = process.communicate(timeout=120)
            if process.returncode:
                stopped += 1
                assert process.returncode == 2, said
                assert said.startswith("the disk is full; what was finished is kept, "), said
            (disk / "filler").unlink()
            assert before.keys() <= _seen(library).keys()
            with _open(library, write=True) as writer:
                writer.add([files])
                assert writer.check().problems == []
                seen = {Path(record.path).stem: record.document_id for record in writer.documents()}
                assert sorted(seen) == sorted(names)
                _everything_is_found(writer, seen, random)
        assert stopped >= 2


def _fill(path: Path) -> None:
    """Take all the room there is, to the last block."""
    with open(path, "wb", buffering=0) as file:
        for size in (MIB, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


def test_the_word_index_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """tantivy writes in a thread: the cause of its end is asked for, "an index writer was killed" tells nobody."""
    with _small_disk(tmp_path, 4) as disk:
        index = LexicalIndex(disk / "words", create=True)
        _fill(disk / "filler")
        with pytest.raises(ValueError, match=r"No space left"):
            index.add(Entry(n, n, report_text(n % 90, 10), "", "en") for n in range(1_000_000))


def test_a_full_disk_is_said_by_every_command(files: Path, tmp_path: Path) -> None:
    """To the last block: SQLite cannot even make what a reader needs, and calls it an I/O error."""
    with _small_disk(tmp_path, 64) as disk:
        library = disk / "library"
        _write(files, "full", 1)
        with _open(library, write=True) as writer:
            writer.add([files])
            identity = writer.documents()[0].document_id
        _fill(disk / "filler")
        with pytest.raises(OnRecordError, match=r"^the disk is full; what was finished is kept, .*small"):
            _open(library)
        (disk / "filler").unlink()
        with _open(library, write=True) as writer:
            _fill(disk / "filler")
            with pytest.raises(OnRecordError, match=r"^the disk is full; what was finished is kept, .*small"):
                writer.remove([identity])
        (disk / "filler").unlink()
        with _open(library, write=True) as writer:
            writer.repair()
            assert writer.check().problems == []


def test_a_folder_named_after_a_full_disk_is_no_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "disk full"
    folder.mkdir()
    (folder / "catalogue.sqlite").write_bytes(b"SQLite format 3\0")
    with pytest.raises(OnRecordError) as caught:
        _open(folder)
    assert "the disk is full" not in str(caught.value)


def test_several_writers_at_once(files: Path, tmp_path: Path) -> None:
    """Four processes want to write to one library: each waits for its turn, and nothing is lost or done twice."""
    library = tmp_path / "library"
    for number in range(60):
        _write(files, f"w{number}", 1)
    processes = [_start(library, files, "retry") for _ in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert (process.returncode, said) == (0, "done\n")
    with _open(library, write=True) as writer:
        assert writer.check().problems == []
        assert len(writer.documents()) == 60


def test_a_second_writer_is_told_at_once(files: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with _open(library, write=True):
        started = time.monotonic()
        process = _start(library, files)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert f"process {os.getpid()} on " in said
        assert time.monotonic() - started < 15
