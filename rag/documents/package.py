"""Office files are ZIP packages of XML: opened here with limits, and parsed without entities or anything from outside."""

from __future__ import annotations

import io
import lzma
import posixpath
import struct
import zipfile
import zlib
from typing import Any

from lxml import etree

from rag.documents.building import canonical
from rag.documents.properties import is_plausible_title, iso_or_none, plausible_author
from rag.errors import UnreadableFile
from rag.settings import MIB, DocumentSettings

PART_BYTES = 256 * MIB  # of one part, expanded; a thousand pages of Word are about 30 MiB of XML
_RATIO = 400  # real XML shrinks 10 to 100 times; what shrinks more and is large was made to fill memory
_RATIO_FROM = 32 * MIB
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = "open it in its program and save it again"


# What the standard library lets through for damaged archives.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
    struct.error,
)  # fmt: skip


def local(element: Any) -> str:
    """Name without its namespace, which differs between the transitional and the strict form; "" for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str | None:
    """The attribute of that local name in any namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: Any, *path: str) -> Any | None:
    """The first child of that local name, then its child, …; None where there is none."""
    for name in path:
        element = next((inner for inner in element if local(inner) == name), None)
        if element is None:
            return None
    return element


class Package:
    """An open office file. Use as a context manager."""

    def __init__(self, data: bytes, name: str, settings: DocumentSettings) -> None:
        self.name = name
        self.settings = settings
        if data.startswith(_OLE):
            raise self._wrapped(data)
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise self.damaged(str(error)) from error
        infos = self.archive.infolist()
        total = sum(info.file_size for info in infos)
        bomb = any(
            info.file_size > _RATIO_FROM and info.file_size > _RATIO * max(info.compress_size, 1)
            for info in infos
        )
        if bomb or total > settings.max_archive_bytes or len(infos) > settings.max_archive_files:
            raise UnreadableFile(
                f"the file expands to {total // MIB} MiB in {len(infos)} parts, more than is safe",
                where=name,
                next_step="save a smaller copy, or raise documents.max_archive_bytes",
            )
        self.names = {info.filename for info in infos}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.close()

    def _wrapped(self, data: bytes) -> UnreadableFile:
        if "EncryptedPackage".encode("utf-16-le") in data:
            return UnreadableFile(
                "password-protected Office file",
                where=self.name,
                next_step="open it with its password, save a copy without one and add the copy",
            )
        return UnreadableFile(
            "an Office file of the format before 2007",
            where=self.name,
            next_step="save it as .docx, .xlsx or PDF and add that",
        )

    def damaged(self, why: str) -> UnreadableFile:
        return UnreadableFile(f"damaged Office file ({why})", where=self.name, next_step=_DAMAGED)

    def read(self, part: str) -> bytes:
        """The part's bytes; UnreadableFile where it is missing, damaged or too large."""
        try:
            with self.archive.open(part) as stream:
                data = stream.read(PART_BYTES + 1)
        except KeyError as error:
            raise self.damaged(f"the part {part} is missing") from error
        except _DAMAGE as error:
            raise self.damaged(f"{part}: {error}") from error
        if len(data) > PART_BYTES:
            raise UnreadableFile(
                f"the part {part} is larger than {PART_BYTES // MIB} MiB",
                where=self.name,
                next_step="split the file",
            )
        return data

    def xml(self, part: str) -> Any:
        """The part's root element. Entities stay unexpanded, nothing is fetched, depth and size keep lxml's limits."""
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
            remove_pis=True,
        )  # fmt: skip
        data = self.read(part)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise self.damaged(f"{part}: {error}") from error
        # Office files have no document type. One that does wants entities expanded.
        if root.getroottree().docinfo.doctype:
            raise self.damaged(f"{part} declares a document type")
        return root

    def optional(self, part: str | None) -> Any | None:
        """As `xml`, but None where the part is missing or damaged: the text matters more than its notes or styles."""
        if part is None or part not in self.names:
            return None
        try:
            return self.xml(part)
        except UnreadableFile:
            return None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Relations of `part` ("" for the package): id → (kind, target part); those to the outside are left out."""
        folder, file = posixpath.split(part)
        root = self.optional(posixpath.join(folder, "_rels", f"{file}.rels"))
        found: dict[str, tuple[str, str]] = {}
        for relation in root if root is not None else ():
            target = relation.get("Target", "")
            if relation.get("TargetMode") == "External" or not target:
                continue
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], path)
        return found

    def properties(self) -> tuple[str | None, str | None, str | None]:
        """Title, author and date of last change from the core properties, each None where it is not plausible."""
        part = next((path for kind, path in self.relations("").values() if kind == "core-properties"), None)
        root = self.optional(part or "docProps/core.xml")
        values = (
            {local(item): canonical("".join(item.itertext())).strip() for item in root}
            if root is not None
            else {}
        )
        title = " ".join(values.get("title", "").split())
        return (
            title if is_plausible_title(title, self.name) else None,
            plausible_author(values.get("creator", "")),
            iso_or_none(values.get("modified", "")),
        )
