"""A run's folder: what is in it, and how it survives being killed.

    run.json        what was run, written once, before the first question
    results.jsonl   one line a question and trial, in the suite's order, each flushed to the disk (fsync)
    pending.jsonl   answers that came before their turn (`--jobs`); gone when the run is finished
    timings.jsonl   how long each answer took. Apart, because times differ between two runs whose results are equal
    summary.json    the metrics, written when the last question is done

A line that a kill cut off is dropped on the next start, and its question is asked again; no other is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from evals.ways import RunWay
from rag.errors import UsageError
from rag.wording import Phrase

Record = dict[str, Any]
Key = tuple[str, int]  # question id, trial


def key_of(record: Record) -> Key:
    return record["id"], record["trial"]


def as_line(value: Any) -> bytes:
    """One line of canonical JSON: the same value gives the same bytes."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n").encode()


def as_document(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader, or a kill, finds the old bytes or the new ones."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RunFolder:
    """The files of one run. One process writes at a time; readers may read whenever they like."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results = path / "results.jsonl"
        self.pending = path / "pending.jsonl"
        self.timings = path / "timings.jsonl"

    def description(self) -> dict[str, Any] | None:
        """`run.json`; None where there is none yet. Raises UsageError where it is not readable."""
        return _read_json(self.path / "run.json")

    def summary(self) -> dict[str, Any] | None:
        """`summary.json`; None where the run is not finished."""
        return _read_json(self.path / "summary.json")

    def start(self, description: dict[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / "run.json", as_document(description))

    def records(self) -> list[Record]:
        """What `results.jsonl` holds, without a last line that was cut off."""
        return read_lines(self.results)

    def recover(self, order: Sequence[Key]) -> dict[Key, Record]:
        """Every answer kept so far, by key; leaves `results.jsonl` as the longest run of `order` from its start.

        Answers beyond that are kept in `pending.jsonl`, written first, so that no kill loses one.
        """
        known = {
            key_of(record): record
            for record in [*read_lines(self.pending, repair=True), *read_lines(self.results, repair=True)]
        }
        read_lines(self.timings, repair=True)
        self.rewrite(order, known)
        return known

    def rewrite(self, order: Sequence[Key], known: dict[Key, Record]) -> None:
        """Make the files hold exactly `known`; a file that already has the right bytes is not touched."""
        done = 0
        while done < len(order) and order[done] in known:
            done += 1
        rest = [key for key in order[done:] if key in known]
        _replace(self.pending, [known[key] for key in rest])
        _replace(self.results, [known[key] for key in order[:done]])
        if not rest:
            self.pending.unlink(missing_ok=True)

    def append(self, record: Record, *, in_turn: bool) -> None:
        with (self.results if in_turn else self.pending).open("ab") as stream:
            stream.write(as_line(record))
            stream.flush()
            os.fsync(stream.fileno())

    def add_timing(self, key: Key, timing: dict[str, Any]) -> None:
        """Written before the answer's own line, so that every answer has a time; not worth a flush of its own."""
        with self.timings.open("ab") as stream:
            stream.write(as_line({"id": key[0], "trial": key[1], **timing}))

    def all_timings(self) -> list[dict[str, Any]]:
        """Every entry, in the order of asking; a question asked again has several."""
        return read_lines(self.timings)

    def latencies(self, order: Iterable[Key]) -> list[float]:
        """Milliseconds of each answer of `order` that was really asked (not from the cache); the last time counts."""
        times = {key_of(entry): entry for entry in self.all_timings()}
        return [times[key]["wall_ms"] for key in order if key in times and not times[key]["cached"]]

    def finish(self, summary: dict[str, Any]) -> None:
        self.pending.unlink(missing_ok=True)
        data = as_document(summary)
        path = self.path / "summary.json"
        if not path.exists() or path.read_bytes() != data:
            write_whole(path, data)


def read_lines(path: Path, *, repair: bool = False) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file of ours; a last line without its end is dropped (`repair`: from the file too).

    Raises UsageError where another line is damaged: that is no kill, and guessing would hide it.
    """
    if not path.exists():
        return []
    *lines, torn = path.read_bytes().split(b"\n")
    if torn and repair:
        # Only whole lines may stay in front of what is appended next.
        with path.open("rb+") as stream:
            stream.truncate(sum(len(line) + 1 for line in lines))
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(json.loads(line))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise UsageError(
                f"line {number} is damaged ({error})",
                where=str(path),
                next_step=Phrase("restore the file, or ", RunWay.OTHER_FOLDER, " and run again"),
            ) from error
    return found


def _replace(path: Path, records: Sequence[Record]) -> None:
    data = b"".join(map(as_line, records))
    if (path.read_bytes() if path.exists() else b"") != data:
        write_whole(path, data)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(
            f"the file cannot be read ({error})", where=str(path), next_step="run again"
        ) from error
    return found
