"""One writer at a time, said at once and by name; a lock never outlives its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import LibraryLocked
from rag.index.lock import WriterLock

_HOLD = """
import sys, time
from pathlib import Path
from rag.index.lock import WriterLock
with WriterLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        try:
            with pytest.raises(LibraryLocked) as caught, WriterLock(tmp_path):
                pass
        finally:
            process.kill()
    assert f"process {process.pid} on " in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert caught.value.next_step


def test_a_lock_ends_with_its_process_even_when_killed(tmp_path: Path) -> None:
    with _holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with WriterLock(tmp_path):
        pass


def test_a_second_holder_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with (
        WriterLock(tmp_path),
        pytest.raises(LibraryLocked, match=f"process {os.getpid()}"),
        WriterLock(tmp_path),
    ):
        pass
    with WriterLock(tmp_path):
        pass


def test_a_note_that_cannot_be_read_does_not_hide_the_lock(tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        (tmp_path / "writer.json").write_text("{not json", encoding="utf-8")
        with pytest.raises(LibraryLocked, match="no note"), WriterLock(tmp_path):
            pass


def test_the_note_goes_with_the_lock(tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        assert (tmp_path / "writer.json").exists()
    assert not (tmp_path / "writer.json").exists()
