"""An answer as Markdown, and as an evidence pack that can be checked later with nothing else at hand.

The pack is a ZIP:

    evidence.json      the `ask` object; for each cited document its metadata and the sha256 of its original bytes and of
                       its canonical text; versions of the packages; the settings and their digest
    texts/ID.txt       the canonical text (UTF-8) that the offsets count in
    originals/ID.EXT   the original bytes
    answer.html        readable page, made from evidence.json and the texts alone
    answer.md          likewise

`rag.evidence.verify_pack` recomputes everything: each digest, each `text[start:end] == quote`, both pages, and reads
the originals again. The seal, sha256 of evidence.json, covers every byte in the pack through the digests in it; kept
elsewhere (in an e-mail, on paper) it shows later that the pack as a whole was not made anew.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import __version__
from rag.answer.attribution import speaker_of
from rag.errors import UsageError
from rag.html import Mark, context, escape, highlighted
from rag.render import date_notes
from rag.settings import Settings
from rag.types import Span

if TYPE_CHECKING:
    from rag.index.library import Library

FORMAT = "onrecord-evidence-1"
_PACKAGES = (
    "chromadb",
    "tantivy",
    "openvino",
    "onnxruntime",
    "tokenizers",
    "pypdfium2",
    "trafilatura",
    "lxml",
)
_EXTENSIONS = {
    "text/plain": "txt",
    "text/markdown": "md",
    "text/html": "html",
    "text/csv": "csv",
    "application/pdf": "pdf",
    "message/rfc822": "eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
}


def check_against(answer: Mapping[str, Any], library: Library) -> None:
    """Hold an `ask` object read from a file against the library.

    Every quote must be the slice at its offsets, and what is said about it (title, outlet, date, path, page, speaker)
    what the library says. The wording of the answer and of its statements cannot be checked.

    Raises:
        UsageError: a quote or what is said about it is another, or the object has not the form of an answer.
        UnknownDocument: a cited document is not in the library.
    """
    try:
        for citation in answer["citations"]:
            document = library.document(citation["document_id"])
            if not is_slice(citation, document.text):
                raise UsageError(
                    f"quote [{citation['marker']}] is not what the document says at its place",
                    where=document.id,
                    next_step="ask the question again and export that answer",
                )
            about = library.record(document.id).as_json()
            about["page"] = document.page_at(citation["start"])
            about["speaker"] = speaker_of(document, Span(citation["start"], citation["end"]))
            for name in altered_facts(citation, about, ("page", "speaker")):
                raise UsageError(
                    f"the {name} of quote [{citation['marker']}] is not the one that the library has",
                    where=document.id,
                    next_step="ask the question again and export that answer",
                )
        for name in ("question", "answer", "status", "answerer"):
            if not isinstance(answer[name], str):
                raise TypeError(f"{name!r} is not text")
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"this is not the JSON of an answer ({error})",
            next_step="give a file made by `onrecord ask QUESTION --json`",
        ) from error


def is_slice(citation: Mapping[str, Any], text: str) -> bool:
    """Whether the quote is the text at its offsets, which count from the start: -5 is no offset."""
    start, end = citation["start"], citation["end"]
    return bool(0 <= start < end <= len(text)) and text[start:end] == citation["quote"]


def altered_facts(
    citation: Mapping[str, Any], about: Mapping[str, Any], more: tuple[str, ...] = ()
) -> list[str]:
    """What `citation` says of its document otherwise than `about`, the document's own record."""
    names = [name for name in ("title", "source", "published", *more) if citation[name] != about[name]]
    return names if citation["path"] in (about["path"], *about["copies"]) else [*names, "path"]


def to_markdown(answer: Mapping[str, Any]) -> str:
    """The answer with its quotes as footnotes, each with its source, its date and its place."""
    lines = [f"# {_inline(answer['question'])}", "", _footnoted(_inline(answer["answer"])), ""]
    for note in date_notes(answer):
        lines += [f"*{_inline(note)}*", ""]
    for citation in answer["citations"]:
        quote = "\n> ".join(_inline(line) for line in citation["quote"].splitlines() if line.strip())
        lines += [f"> {quote}", ">", f"> — {_inline(_about(citation))} [^{citation['marker']}]", ""]
    for citation in answer["citations"]:
        lines.append(f"[^{citation['marker']}]: {_inline(_place(citation))}")
    lines += [
        "",
        f"Answered by: {_inline(answer['answerer'])}. Every quote is the source's own text at the place given.",
    ]
    return "\n".join(lines) + "\n"


def to_html(answer: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """One page without scripts or outside resources: the answer, and each quote marked in its context."""
    cards = []
    for citation in answer["citations"]:
        text, span = texts[citation["document_id"]], Span(citation["start"], citation["end"])
        body = highlighted(text, [Mark(span, label=str(citation["marker"]))], context(text, span))
        cards.append(
            f"<section><h2>[{citation['marker']}] {escape(_about(citation))}</h2>"
            f'<blockquote>{body}</blockquote><p class="place">{escape(_place(citation))}</p></section>'
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(answer['question'])}</title><style>{_PACK_STYLE}</style></head><body>"
        f'<h1>{escape(answer["question"])}</h1><p class="answer">{escape(answer["answer"])}</p>'
        + "".join(f'<p class="place">{escape(note)}</p>' for note in date_notes(answer))
        + "".join(cards)
        + f"<footer>Answered by {escape(answer['answerer'])}. Every marked quote is the source's own text.</footer>"
        "</body></html>\n"
    )


_PACK_STYLE = (
    "body{font:1.05rem/1.6 Georgia,serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "h1{font-size:1.5rem}h2{font-size:1rem;font-family:sans-serif}.answer{font-size:1.2rem}"
    "blockquote{white-space:pre-wrap;border-left:3px solid #bbb;margin:0;padding:.2rem 1rem;color:#444}"
    "mark{background:#ffe9a8;color:#111}.place,footer{font:.85rem sans-serif;color:#555}"
)


def write_pack(answer: Mapping[str, Any], library: Library, settings: Settings, target: Path) -> str:
    """Write the evidence pack of `answer` to `target` (replaced if it is there); returns the seal.

    Raises:
        UsageError: the answer does not hold against the library, has no citations, or `target` cannot be written.
    """
    check_against(answer, library)
    if not answer["citations"]:
        raise UsageError(
            "the answer has no quotes to pack", next_step="export it as Markdown instead (FILE.md)"
        )
    members: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    described = []
    for document_id in dict.fromkeys(citation["document_id"] for citation in answer["citations"]):
        document, original = library.document(document_id), library.original(document_id)
        texts[document_id] = document.text
        extension = _EXTENSIONS.get(document.media_type, "bin")
        text_name, original_name = f"texts/{document_id}.txt", f"originals/{document_id}.{extension}"
        members[text_name], members[original_name] = document.text.encode(), original
        described.append(
            {
                **library.record(document_id).as_json(),
                "text": {"member": text_name, "sha256": sha256_of(members[text_name])},
                "original": {"member": original_name, "sha256": sha256_of(original)},
            }
        )
    members["answer.md"] = to_markdown(answer).encode()
    members["answer.html"] = to_html(answer, texts).encode()
    evidence = {
        "format": FORMAT,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "answer": dict(answer),
        "documents": described,
        "pages": {name: sha256_of(members[name]) for name in ("answer.md", "answer.html")},
        "versions": versions(),
        "settings": asdict(settings),
        "settings_digest": settings.digest(),
    }
    members["evidence.json"] = (json.dumps(evidence, ensure_ascii=False, indent=1) + "\n").encode()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
        for name in sorted(members):
            pack.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name], zipfile.ZIP_DEFLATED)
    write_file(target, buffer.getvalue())
    return sha256_of(members["evidence.json"])


def write_file(target: Path, data: bytes) -> None:
    """Write `data` to `target` through a temporary file beside it, so that no half file is ever left."""
    partial = target.with_name(target.name + ".part")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(
            f"the file cannot be written ({error.strerror})",
            where=str(target),
            next_step="choose another place",
        ) from error


def versions() -> dict[str, str]:
    """Versions of this program, Python and the packages that shape texts and rankings."""
    found = {"onrecord": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _inline(text: str) -> str:
    """Text for one line of Markdown: white space folded, everything active escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", " ".join(text.split()))


def _footnoted(escaped: str) -> str:
    return re.sub(r"\\\[(\d+)\\\]", r"[^\1]", escaped)


def _about(citation: Mapping[str, Any]) -> str:
    name = citation["title"] or str(citation["path"]).rsplit("/", 1)[-1]
    parts = [
        citation["speaker"] and f"said by {citation['speaker']}",
        name,
        citation["source"],
        citation["published"][:10] if citation["published"] else "date not stated",
    ]
    return " · ".join(part for part in parts if part)


def _place(citation: Mapping[str, Any]) -> str:
    page = f"page {citation['page']}, " if citation["page"] is not None else ""
    return f"{citation['document_id']}, {page}characters {citation['start']}–{citation['end']}; file {citation['path']}"
