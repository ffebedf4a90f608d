"""The original bytes of every document, content-addressed: `originals/ab/<sha256>`."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class Originals:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "originals"
        self._unfinished = self._folder / "unfinished"

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def put(self, contents: Mapping[str, bytes]) -> None:
        """Keep bytes, by sha256, durably; a name exists only once its bytes are on the disk. Raises OSError.

        All are written before the first is waited for: one by one, the waiting took longer than everything else.
        """
        new = {sha256: data for sha256, data in contents.items() if not self.path(sha256).exists()}
        if not new:
            return
        self._unfinished.mkdir(parents=True, exist_ok=True)
        for sha256, data in new.items():
            (self._unfinished / sha256).write_bytes(data)
        for sha256 in new:
            _sync(self._unfinished / sha256)
        for sha256 in new:
            self.path(sha256).parent.mkdir(exist_ok=True)
            os.replace(self._unfinished / sha256, self.path(sha256))
        # The new names must survive a power cut too; Windows has no such call and needs none.
        if os.name == "posix":
            for folder in {self._folder, *(self.path(sha256).parent for sha256 in new)}:
                _sync(folder)

    def get(self, sha256: str) -> bytes:
        """Raises FileNotFoundError where it is not kept."""
        return self.path(sha256).read_bytes()

    def whole(self, sha256: str) -> bool:
        """The file is there and its bytes have this sha256."""
        try:
            with open(self.path(sha256), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def drop(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def drop_unfinished(self) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
