"""Answers kept between runs, by everything that could change them.

Off unless a folder is named: an answer from the cache has no time of its own, so latency is only of what was really
asked. Crashes and time-outs are never kept. The trial is part of the key, so repeating a question is no replay.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from rag.settings import digest_of


class AnswerCache:
    """One file an answer, below `folder`. May be shared by threads and processes."""

    def __init__(self, folder: Path, corpus: str, settings: str, fingerprint: dict[str, Any]) -> None:
        """`corpus` and `settings` are digests; `fingerprint` is the system's own (models, prompts)."""
        self._folder = folder
        self._system = [corpus, settings, fingerprint]

    def _path(self, asked: dict[str, Any], trial: int) -> Path:
        key = digest_of([asked, *self._system, trial])
        return self._folder / key[:2] / f"{key}.json"

    def get(self, asked: dict[str, Any], trial: int) -> dict[str, Any] | None:
        """The kept `ask` object; None where there is none, or it is damaged."""
        try:
            found: dict[str, Any] = json.loads(self._path(asked, trial).read_bytes())
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
            return None
        return found

    def put(self, asked: dict[str, Any], trial: int, ask: dict[str, Any]) -> None:
        path = self._path(asked, trial)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(ask, stream, ensure_ascii=False)
        os.replace(temporary, path)
