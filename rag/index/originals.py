"""The original bytes of every document, content-addressed: `originals/ab/<sha256>`."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path


class Originals:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "originals"
        self._unfinished = self._folder / "unfinished"

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def put(self, data: bytes, sha256: str) -> None:
        """Keep `data` durably; a name exists only once its bytes are on the disk. Raises OSError."""
        target = self.path(sha256)
        if target.exists():
            return
        new_folder = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished.mkdir(parents=True, exist_ok=True)
        temporary = self._unfinished / sha256
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
        if new_folder:
            _sync_folder(self._folder)

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


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut; Windows has no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
