"""E-mail → text: who wrote to whom, when, about what, then the body; attachments become documents of their own.

Real mailboxes are full of broken messages, so everything is read tolerantly: a header that cannot be decoded is shown
as it is, an unknown character set is guessed, a missing boundary leaves the body as one part.
"""

from __future__ import annotations

import contextlib
import email
import email.errors
import email.policy
import email.utils
import re
from collections.abc import Iterator
from email.message import Message

from rag.documents.building import Attachment, Parsed, TextBuilder, merge_spans
from rag.documents.clean import find_furniture
from rag.documents.html import parse_page
from rag.documents.language import language_of
from rag.documents.text import decode, readable_text
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Span

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_STUB = re.compile(
    r"(?:html|browser|does not support|view (?:this|it)|mime|no soporta|navegador)", re.IGNORECASE
)
_ENVELOPE = re.compile(rb"^From \S[^\n]*+$", re.MULTILINE)
_YEAR_AT_END = re.compile(rb"\d{4}\s*\Z")
_HEADER_LINE = re.compile(rb"\A(?:>?From .*\r?\n)?[A-Za-z][A-Za-z0-9-]*:")
_MOST_PARTS = 1_000
_DEPTH = 50
_MOST_OF_A_HEADER = 8_000  # characters that are decoded; a longer one is shown as it stands in the mail
_ROBOTS = re.compile(
    r"saved by|no-?reply|mailer-daemon|postmaster|notifications?\b|newsletter", re.IGNORECASE
)


def parse_mail(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """One message (EML), or a page that a browser saved as MHTML.

    Raises UnreadableFile where it has neither a body nor an attachment.
    """
    message = _message(data, name)
    if (page := _saved_page(message)) is not None:
        return parse_page(_text_of(page), name, settings)
    builder = TextBuilder()
    head = builder.add("\n".join(f"{key}: {value}" for key in _SHOWN if (value := _header(message, key))))
    body = _body(message, name, settings)
    attachments = tuple(_attachments(message))
    furniture: list[Span] = []
    headings: list[Span] = []
    if body is not None:
        span = builder.add(body.text)
        by = span.start
        furniture = [piece.shifted(by) for piece in body.furniture]
        headings = [piece.shifted(by) for piece in body.headings]
    elif not attachments and not _header(message, "Subject"):
        raise UnreadableFile(
            "a mail without any text", where=name, next_step="check whether it was saved completely"
        )
    text = readable_text(builder.text, name, settings)
    sender = _sender(message)
    return Parsed(
        text,
        "message/rfc822",
        title=_header(message, "Subject"),
        author=sender,
        published=_date(message),
        language=language_of(text, merge_spans([head, *furniture])),
        headings=tuple(headings),
        furniture=merge_spans(furniture),
        attachments=attachments,
    )


def parse_mbox(data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """A mailbox: no text of its own, each message an attachment `0001.eml`, in their order. Lines `>From ` are undone."""
    del settings
    starts = [
        found.start()
        for found in _ENVELOPE.finditer(data)
        if _YEAR_AT_END.search(data[max(found.start(), found.end() - 20) : found.end()])
        and _begins_message(data, found.end())
    ]
    if not starts:
        raise UnreadableFile(
            "a mailbox without any message", where=name, next_step="export it again as MBOX or EML"
        )
    messages = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True), start=1):
        content = data[data.index(b"\n", start) + 1 : end]
        messages.append(
            Attachment(f"{number:04d}.eml", re.sub(rb"^>(>*From )", rb"\1", content, flags=re.MULTILINE))
        )
    return Parsed("", "application/mbox", attachments=tuple(messages))


def _begins_message(data: bytes, end: int) -> bool:
    return bool(_HEADER_LINE.match(data[end : end + 300].lstrip(b"\r\n")))


def _message(data: bytes, name: str) -> Message:
    try:
        message = email.message_from_bytes(data.lstrip(b"\r\n\xef\xbb\xbf"), policy=email.policy.default)
    except (ValueError, LookupError, AttributeError, IndexError, TypeError) as error:
        raise UnreadableFile("the mail is damaged", where=name, next_step="export it again") from error
    return message


def _saved_page(message: Message) -> Message | None:
    """The page of an MHTML file (the first HTML part; the others are its frames), None for a mail."""
    related = message.get_content_type() == "multipart/related"
    saved = message.get("Snapshot-Content-Location") is not None or bool(
        re.search(r"saved by", _header(message, "From") or "", re.IGNORECASE)
    )
    if not (saved and (related or message.get_content_type() == "text/html")):
        return None
    parts = list(_parts(message))[:_MOST_PARTS]
    return next((part for part in parts if part.get_content_type() == "text/html"), None)


def _header(message: Message, key: str) -> str | None:
    """The decoded header on one line. The standard library's parser raises on some broken ones: those are shown raw."""
    raw = next((str(value) for found, value in message.raw_items() if found.lower() == key.lower()), "")
    if any(0xDC80 <= ord(character) <= 0xDCFF for character in raw):  # bytes that no header may hold
        return " ".join(decode(raw.encode("utf-8", "surrogateescape")).split()) or None
    value = raw
    # Its time grows with the square of the header, and brackets inside brackets exhaust the stack.
    if len(raw) <= _MOST_OF_A_HEADER:
        with contextlib.suppress(
            ValueError, LookupError, AttributeError, TypeError, RecursionError, email.errors.MessageError
        ):
            value = str(message.get(key) or "")
    return " ".join(value.split()) or None


def _sender(message: Message) -> str | None:
    value = _header(message, "From")
    if value is None:
        return None
    shown, address = email.utils.parseaddr(value)
    shown = shown.strip(" \"'")
    if _ROBOTS.search(value) or (not shown and "@" not in address):
        return None
    return shown or address or None


def _date(message: Message) -> str | None:
    """The day in the sender's own time zone."""
    value = _header(message, "Date")
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        return email.utils.parsedate_to_datetime(value or "").date().isoformat()
    return None


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """Leaves of the message in order; a message inside it is a leaf."""
    if message.get_content_maintype() == "multipart" and message.is_multipart() and depth < _DEPTH:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)
    else:
        yield message


def _is_attachment(part: Message) -> bool:
    if part.get_content_maintype() in ("text", "multipart"):
        return _disposition(part) == "attachment" or (
            _filename(part) is not None and part.get_content_subtype() not in ("plain", "html")
        )
    return True


def _disposition(part: Message) -> str | None:
    with contextlib.suppress(ValueError, AttributeError, IndexError, LookupError, TypeError):
        return part.get_content_disposition()
    return None


def _filename(part: Message) -> str | None:
    with contextlib.suppress(ValueError, AttributeError, IndexError, LookupError, TypeError):
        return part.get_filename()
    return None


def _bytes(part: Message) -> bytes:
    with contextlib.suppress(ValueError, AttributeError, IndexError, LookupError, TypeError):
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def _text_of(part: Message) -> str:
    charset = None
    with contextlib.suppress(ValueError, AttributeError, IndexError, LookupError, TypeError):
        charset = part.get_content_charset()
    return decode(_bytes(part), charset)


def _body(message: Message, name: str, settings: DocumentSettings) -> Parsed | None:
    """The plain text, unless it only says to look at the HTML version; then that."""
    plain: list[str] = []
    pages: list[str] = []
    for part in list(_parts(message))[:_MOST_PARTS]:
        if _is_attachment(part) and not (part is message and part.get_content_maintype() == "text"):
            continue
        text = _text_of(part)
        if text.strip():
            (pages if part.get_content_subtype() == "html" else plain).append(text)
    joined = "\n\n".join(plain)
    stub = not joined.strip() or (bool(pages) and len(joined) < 300 and bool(_STUB.search(joined)))
    if pages and stub:
        with contextlib.suppress(UnreadableFile):
            return parse_page("\n".join(pages), name, settings)
    if not joined.strip():
        return None
    text = readable_text(joined, name, settings)
    return Parsed(text, "text/plain", furniture=find_furniture(text))


def _attachments(message: Message) -> Iterator[Attachment]:
    """Files and messages inside, without the pictures that only decorate the body (with a Content-ID)."""
    for number, part in enumerate(list(_parts(message))[:_MOST_PARTS], start=1):
        if part is message or not _is_attachment(part):
            continue
        kind = part.get_content_type()
        inline = part.get("Content-ID") is not None and _disposition(part) != "attachment"
        if (inline and kind.startswith("image/")) or kind in (
            "application/pgp-signature",
            "application/pkcs7-signature",
        ):
            continue
        if kind == "message/rfc822" and part.is_multipart():
            inner = part.get_payload()
            first = inner[0] if isinstance(inner, list) and inner else None
            if isinstance(first, Message):
                with contextlib.suppress(ValueError, LookupError, AttributeError, TypeError, UnicodeError):
                    yield Attachment(_filename(part) or f"message-{number}.eml", first.as_bytes())
            continue
        data = _bytes(part)
        if data:
            yield Attachment(_filename(part) or f"attachment-{number}", data)
