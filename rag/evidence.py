"""Checking an evidence pack with nothing else at hand: recompute everything in it and name what differs."""

from __future__ import annotations

import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from rag import __version__
from rag.errors import UsageError
from rag.export import FORMAT, altered_facts, is_slice, sha256_of, to_html, to_markdown, versions
from rag.settings import MIB, DocumentSettings

_EXPANDED = 1_600 * MIB


@dataclass(frozen=True, slots=True)
class PackReport:
    """What `verify_pack` found. `changed` names each thing that is not as it was; `checked` counts what was looked at."""

    quotes: int
    documents: int
    checked: int
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    seal: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def verify_pack(path: Path, seal: str | None = None) -> PackReport:
    """Recompute everything in the pack at `path`; `seal` (hexadecimal sha256) is compared where it is given.

    Raises:
        UsageError: the file is not an evidence pack at all.
    """
    members = _read_members(path)
    try:
        evidence = json.loads(members["evidence.json"])
        if evidence["format"] != FORMAT:
            raise ValueError(f"its format is {evidence['format']!r}")
        return _Checker(members, evidence).report(seal)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"not a readable evidence pack ({type(error).__name__}: {error})",
            where=str(path),
            next_step="ask its sender for the file as it was exported",
        ) from error


def _read_members(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as pack:
            infos = pack.infolist()
            if sum(info.file_size for info in infos) > _EXPANDED or len(infos) > 10_000:
                raise UsageError(
                    "the pack expands to more than this program reads",
                    where=str(path),
                    next_step="check its origin",
                )
            if len({info.filename for info in infos}) < len(infos):
                # Which of the two is shown would depend on the program that opens the pack.
                raise UsageError(
                    "the pack holds two files of one name",
                    where=str(path),
                    next_step="do not trust it; ask its sender for the file as it was exported",
                )
            return {info.filename: pack.read(info) for info in infos}
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise UsageError(
            f"not a readable evidence pack ({error})",
            where=str(path),
            next_step="give a ZIP made by `onrecord ask QUESTION --export FILE.zip`",
        ) from error


class _Checker:
    """Goes through one pack and collects what differs."""

    def __init__(self, members: Mapping[str, bytes], evidence: Mapping[str, Any]) -> None:
        self._members, self._evidence = members, evidence
        self._changed: list[str] = []
        self._notes: list[str] = []
        self._checked = 0

    def _hold(self, condition: bool, otherwise: str) -> bool:
        self._checked += 1
        if not condition:
            self._changed.append(otherwise)
        return condition

    def report(self, seal: str | None) -> PackReport:
        answer, described = self._evidence["answer"], self._evidence["documents"]
        texts: dict[str, str] = {}
        for document in described:
            text = self._document(document)
            if text is not None:
                texts[document["document_id"]] = text
        records = {document["document_id"]: document for document in described}
        for citation in answer["citations"]:
            self._citation(citation, texts)
            if citation["document_id"] in records:
                altered = altered_facts(citation, records[citation["document_id"]])
                name = f"quote [{citation['marker']}] of {citation['document_id']}"
                self._hold(not altered, f"{name}: its {', '.join(altered)} is not that of its document")
        self._pages(answer, texts)
        known = {"evidence.json", "answer.md", "answer.html"}
        known |= {document[kind]["member"] for document in described for kind in ("text", "original")}
        for extra in sorted(set(self._members) - known):
            self._hold(False, f"{extra}: not part of the pack as it was exported")
        digest = sha256_of(self._members["evidence.json"])
        if seal is not None:
            self._hold(
                digest == seal.strip().lower(),
                "evidence.json: does not match the seal, the pack was made anew",
            )
        return PackReport(
            quotes=len(answer["citations"]),
            documents=len(described),
            checked=self._checked,
            changed=tuple(self._changed),
            notes=tuple(self._notes),
            seal=digest,
        )

    def _document(self, document: Mapping[str, Any]) -> str | None:
        for kind in ("text", "original"):
            name = document[kind]["member"]
            if self._hold(name in self._members, f"{name}: missing"):
                same = sha256_of(self._members[name]) == document[kind]["sha256"]
                self._hold(same, f"{name}: its bytes are not those that were exported")
        raw = self._members.get(document["text"]["member"])
        if raw is None:
            return None
        text = raw.decode("utf-8", "replace")
        original = self._members.get(document["original"]["member"])
        if original is not None:
            self._read_again(document, original, text)
        return text

    def _read_again(self, document: Mapping[str, Any], original: bytes, text: str) -> None:
        """The text must still be what the original says; other versions of the readers may differ: a note."""
        from rag.documents.load import Failure, Loaded, load

        settings = self._reading_settings()
        first = next(iter(load(original, document["path"], settings)), None)
        if isinstance(first, Loaded) and first.document.text == text:
            self._checked += 1
        elif isinstance(first, Failure):
            # A scan, say, on a machine without Tesseract: its bytes and its text were compared above all the same.
            self._notes.append(
                f"{document['original']['member']}: it cannot be read again here ({first.error}); "
                "its bytes and its text were compared"
            )
        elif self._evidence["versions"] == versions():
            self._hold(False, f"{document['original']['member']}: reading it again gives another text")
        else:
            self._notes.append(
                f"{document['original']['member']}: reading it again gives another text, "
                "with versions of the readers other than those of the export"
            )

    def _reading_settings(self) -> DocumentSettings:
        """How the originals were read, but within this program's own limits: a pack may come from anywhere."""
        given, own = self._evidence["settings"]["documents"], DocumentSettings()
        known = {part.name: getattr(own, part.name) for part in fields(own)}
        limits: dict[str, Any] = {
            name: min(type(value)(given.get(name, value)), value)
            for name, value in known.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        return replace(own, **limits, ocr=bool(given.get("ocr", own.ocr)))

    def _citation(self, citation: Mapping[str, Any], texts: Mapping[str, str]) -> None:
        text = texts.get(citation["document_id"])
        name = f"quote [{citation['marker']}] of {citation['document_id']}"
        if self._hold(text is not None, f"{name}: its document is not in the pack") and text is not None:
            self._hold(
                is_slice(citation, text),
                f"{name}: the text at {citation['start']}–{citation['end']} is not the quote",
            )

    def _pages(self, answer: Mapping[str, Any], texts: Mapping[str, str]) -> None:
        for name, sha256 in self._evidence["pages"].items():
            if self._hold(name in self._members, f"{name}: missing"):
                self._hold(
                    sha256_of(self._members[name]) == sha256,
                    f"{name}: its bytes are not those that were exported",
                )
        quotable = all(
            citation["document_id"] in texts and is_slice(citation, texts[citation["document_id"]])
            for citation in answer["citations"]
        )
        if quotable and self._evidence["versions"].get("onrecord") == __version__:
            made = {"answer.md": to_markdown(answer).encode(), "answer.html": to_html(answer, texts).encode()}
            for name, data in made.items():
                self._hold(
                    self._members.get(name) in (data, None),
                    f"{name}: does not show the answer in evidence.json",
                )
