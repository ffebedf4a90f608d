"""Reading a suite's files value by value: what is wrong is added to a list, so that one reading finds everything."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a suite. `line` counts from 1; None where no line is to blame."""

    file: str
    line: int | None
    field: str
    reason: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.field, self.reason) if part)

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "field": self.field or None,
            "reason": self.reason,
            "severity": self.severity,
        }


def read_objects(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) for each good line of a JSON Lines file; blank lines are passed over, bad ones reported."""
    data = path.read_bytes()
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            problems.append(Problem(str(path), number, "", f"not UTF-8 (byte {error.start + 1} of the line)"))
            continue
        if not text:
            continue
        repeated: list[str] = []
        try:
            value = json.loads(text, object_pairs_hook=functools.partial(_no_repeats, repeated))
        except json.JSONDecodeError as error:
            problems.append(Problem(str(path), number, "", f"not JSON: {error.msg} (column {error.colno})"))
            continue
        except RecursionError:
            problems.append(Problem(str(path), number, "", "not JSON that can be read: nested too deeply"))
            continue
        for name in repeated:
            problems.append(Problem(str(path), number, name, "the field is given twice"))
        if isinstance(value, dict):
            yield number, value
        else:
            problems.append(Problem(str(path), number, "", f"a JSON object is needed, not {kind_of(value)}"))


def _no_repeats(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            repeated.append(name)
        found[name] = value
    return found


def kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


class Checker:
    """Takes typed values out of one object, and reports what does not fit. `prefix` is put before field names."""

    def __init__(
        self, value: Mapping[str, Any], file: str, line: int | None, problems: list[Problem], prefix: str = ""
    ):
        self.value, self.file, self.line, self.problems, self.prefix = value, file, line, problems, prefix

    def report(self, name: str, reason: str, severity: Literal["error", "warning"] = "error") -> None:
        self.problems.append(Problem(self.file, self.line, self.prefix + name, reason, severity))

    def unknown(self, known: tuple[str, ...]) -> None:
        for name in self.value:
            if name not in known:
                self.report(name, f"unknown field; known are {', '.join(known)}")

    def given(self, name: str) -> bool:
        return self.value.get(name) is not None

    def text(self, name: str, *, required: bool = False) -> str | None:
        found = self.value.get(name)
        if found is None:
            if required:
                self.report(
                    name, "the field is missing" if name not in self.value else "null, where text is needed"
                )
            return None
        if not isinstance(found, str):
            self.report(name, f"text is needed, not {kind_of(found)}")
            return None
        if not found.strip():
            self.report(name, "the text is empty")
            return None
        return found

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str | None:
        found = self.text(name)
        if found is not None and found not in allowed:
            self.report(name, f"{found!r} is not one of {', '.join(allowed)}")
            return default
        return default if found is None else found

    def objects(self, name: str) -> Iterator[tuple[int, Checker]] | None:
        """The objects of a list, each with its own checker; None where the field is not given."""
        found = self.list(name)
        return None if found is None else self._objects(name, found)

    def _objects(self, name: str, found: list[Any]) -> Iterator[tuple[int, Checker]]:
        for index, value in enumerate(found):
            if isinstance(value, dict):
                prefix = f"{self.prefix}{name}[{index}]."
                yield index, Checker(value, self.file, self.line, self.problems, prefix)
            else:
                self.report(f"{name}[{index}]", f"an object is needed, not {kind_of(value)}")

    def list(self, name: str) -> list[Any] | None:
        found = self.value.get(name)
        if found is None:
            return None
        if not isinstance(found, list):
            self.report(name, f"a list is needed, not {kind_of(found)}")
            return None
        if not found:
            self.report(name, "the list is empty; leave the field out where nothing is to be scored")
            return None
        return found

    def texts(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """A non-empty list of non-empty texts."""
        found = self.list(name)
        if found is None:
            if required and not self.given(name):
                self.report(name, "the field is missing")
            return ()
        good = []
        for index, value in enumerate(found):
            if isinstance(value, str) and value.strip():
                good.append(value)
            else:
                self.report(f"{name}[{index}]", "a text that is not empty is needed")
        return tuple(good)
