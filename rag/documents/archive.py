"""Files inside a ZIP, one after the other in memory. Nothing is ever written to disk, and names are only labels.

A member whose name is a trick (`../x`, an absolute path, a drive letter, a NUL, a symbolic link) is refused and named;
the others are read. What an archive may expand to is counted over all levels of nesting by one `Budget`, and each
member is read in pieces, so a declared size that lies is found before the memory is used.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from rag.documents.building import Attachment
from rag.documents.walk import label
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings

# Ordinary text and XML shrink by up to about 30; what shrinks by 200 and is large was made to fill a memory.
_MOST_RATIO = 200
_RATIO_MATTERS_FROM = 10 * MIB
_PIECE = MIB
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass
class Budget:
    """What all archives inside one file of the user may still expand to."""

    files: int
    bytes: int

    @classmethod
    def of(cls, settings: DocumentSettings) -> Budget:
        return cls(settings.max_archive_files, settings.max_archive_bytes)


class BudgetSpent(UnreadableFile):
    """The archive expands to more than the settings allow; nothing more of it is read."""


def members(
    data: bytes, name: str, settings: DocumentSettings, budget: Budget
) -> Iterator[Attachment | UnreadableFile]:
    """Every file of the ZIP, or why it cannot be read, in the order of the archive's list.

    Raises UnreadableFile where the archive as a whole is unusable, BudgetSpent where a limit of all archives is met.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise UnreadableFile(
            "damaged or incomplete ZIP archive",
            where=name,
            next_step="get the file again, or repair it with `zip -FF`",
        ) from error
    with archive:
        entries = [entry for entry in archive.infolist() if not _is_junk(entry)]
        refuse_overlap(archive.infolist(), name)
        if not entries:
            raise UnreadableFile(
                "the ZIP archive holds no file", where=name, next_step="check how it was made"
            )
        for entry in entries:
            budget.files -= 1
            if budget.files < 0:
                raise BudgetSpent(
                    f"the archive holds more than {settings.max_archive_files:,} files",
                    where=name,
                    next_step="unpack it and add the folder, or raise documents.max_archive_files",
                )
            name_inside = _decoded(entry)
            shown = label(name_inside)
            try:
                refuse_trick(entry, shown)
                content = _read(archive, entry, shown, settings, budget)
            except BudgetSpent:
                raise
            except UnreadableFile as error:
                yield error
                continue
            yield Attachment(name_inside, content)


def _is_junk(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or entry.filename.startswith(_JUNK) or entry.filename.rsplit("/", 1)[-1] in _JUNK


def _decoded(entry: zipfile.ZipInfo) -> str:
    """The name. `zipfile` reads it as CP437 where the archive does not say UTF-8; most of those are UTF-8 anyway."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


def refuse_trick(entry: zipfile.ZipInfo, shown: str) -> None:
    """Raises UnreadableFile for a name that means a place outside the archive, and for a link."""
    name = entry.orig_filename.replace("\\", "/")
    outside = (
        name.startswith("/")
        or ".." in name.split("/")
        or (len(name) > 1 and name[1] == ":" and name[0].isalpha())
    )
    if outside or "\x00" in name:
        raise UnreadableFile(
            "the name inside the archive points outside it",
            where=shown,
            next_step="unpack it yourself if you trust it",
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UnreadableFile(
            "a symbolic link inside the archive", where=shown, next_step="add the file that it names"
        )


def refuse_overlap(entries: list[zipfile.ZipInfo], name: str) -> None:
    """Raises UnreadableFile where entries share their bytes: the ZIP bomb that needs no nesting (Fifield 2019)."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise UnreadableFile(
                "ZIP bomb (its files overlap)", where=name, next_step="do not open it; ask who sent it"
            )
        end = entry.header_offset + 30 + entry.compress_size


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str, settings: DocumentSettings, budget: Budget
) -> bytes:
    if entry.flag_bits & 0x1:
        raise UnreadableFile(
            "password-protected file in a ZIP archive", where=shown, next_step="unpack it with its password"
        )
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(entry) as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                budget.bytes -= len(piece)
                if budget.bytes < 0:
                    raise BudgetSpent(
                        f"the archive expands to more than {settings.max_archive_bytes // MIB:,} MiB",
                        where=shown,
                        next_step="unpack it and add what you need, or raise documents.max_archive_bytes",
                    )
                if size > _RATIO_MATTERS_FROM and size > _MOST_RATIO * max(1, entry.compress_size):
                    raise UnreadableFile(
                        f"ZIP bomb (expands more than {_MOST_RATIO} times)",
                        where=shown,
                        next_step="unpack it yourself if you trust it",
                    )
                if size > settings.max_bytes:
                    raise UnreadableFile(
                        f"larger than the limit of {settings.max_bytes // MIB:,} MiB",
                        where=shown,
                        next_step="raise documents.max_bytes",
                    )
                parts.append(piece)
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise UnreadableFile(
            "damaged file in a ZIP archive, or a compression that is not supported",
            where=shown,
            next_step="get the archive again",
        ) from error
    return b"".join(parts)


def check_package(data: bytes, name: str, settings: DocumentSettings) -> None:
    """Limits for a ZIP that is one document (DOCX, XLSX), before a library expands it. Raises UnreadableFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise UnreadableFile(
            "damaged or incomplete Office file", where=name, next_step="open and save it again"
        ) from error
    refuse_overlap(entries, name)
    size = sum(entry.file_size for entry in entries)
    ratio_met = size > 4 * _RATIO_MATTERS_FROM and size > _MOST_RATIO * max(1, len(data))
    if size > settings.max_archive_bytes or len(entries) > settings.max_archive_files or ratio_met:
        raise UnreadableFile(
            f"ZIP bomb (an Office file that expands to {size // MIB:,} MiB)",
            where=name,
            next_step="do not open it; ask who sent it",
        )
