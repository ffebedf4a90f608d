"""Mail: who wrote to whom, the body that people read, attachments, and the broken messages of real mailboxes."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.documents.load import Failure, Loaded
from rag.documents.mail import parse_mail, parse_mbox
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Document

PLAIN = b"""From: Ana Ruiz <ana@example.org>
To: Luis Mora <luis@example.org>
Date: Tue, 03 Feb 2026 23:30:00 -0600
Subject: =?utf-8?q?El_puente_=E2=80=9Cnuevo=E2=80=9D?=
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=windows-1252
Content-Transfer-Encoding: 8bit

The bridge costs \x80 40 million.

> What does it cost?
"""


def test_a_plain_mail(settings: DocumentSettings) -> None:
    parsed = parse_mail(PLAIN, "m.eml", settings)
    assert parsed.text == (
        "From: Ana Ruiz <ana@example.org>\nTo: Luis Mora <luis@example.org>\nDate: Tue, 03 Feb 2026 23:30:00 -0600\n"
        "Subject: El puente “nuevo”\n\nThe bridge costs € 40 million.\n\n> What does it cost?"
    )
    assert (parsed.title, parsed.author, parsed.source, parsed.published) == (
        "El puente “nuevo”", "Ana Ruiz", None, "2026-02-03",
    )  # fmt: skip


def _message(plain: str | None, page: str | None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ana Ruiz <ana@example.org>", "Bridge"
    if plain is not None:
        message.set_content(plain)
    if page is not None:
        (message.add_alternative if plain is not None else message.set_content)(page, subtype="html")
    return message


def test_plain_text_is_preferred_to_html(settings: DocumentSettings) -> None:
    text = parse_mail(
        _message("The plain words.", "<p>The rich words.</p>").as_bytes(), "m.eml", settings
    ).text
    assert "The plain words." in text
    assert "rich" not in text


@pytest.mark.parametrize("plain", [None, "Your mail program does not support HTML.", "   "])
def test_html_where_the_plain_text_is_missing_or_a_stub(
    settings: DocumentSettings, plain: str | None
) -> None:
    data = _message(plain, "<h1>News</h1><p>The rich words.</p><p style='display:none'>SECRET</p>").as_bytes()
    parsed = parse_mail(data, "m.eml", settings)
    assert "The rich words." in parsed.text
    assert "SECRET" not in parsed.text
    assert [span.of(parsed.text) for span in parsed.headings] == ["News"]


def test_attachments_are_documents_of_their_own(loads: Callable[..., list[Loaded | Failure]]) -> None:
    message = _message("See the files.", None)
    message.add_attachment(
        b"Cost,Part\n12,Pillars\n28,Road\n", maintype="text", subtype="csv", filename="../../costs.csv"
    )
    message.add_attachment("The minutes of the council.", filename="minutes.txt")
    message.add_attachment("Second minutes.", filename="minutes.txt")
    message.add_attachment(
        b"\x00\x01\x02" * 50, maintype="application", subtype="octet-stream", filename="x.bin"
    )
    inner = _message("The forwarded words.", None)
    message.add_attachment(inner)
    found = loads(message.as_bytes(), "box/m.eml")
    assert [item.document.path if isinstance(item, Loaded) else item.path for item in found] == [
        "box/m.eml", "box/m.eml!/costs.csv", "box/m.eml!/minutes.txt", "box/m.eml!/minutes (2).txt", "box/m.eml!/x.bin",
        "box/m.eml!/message-6.eml",
    ]  # fmt: skip
    assert isinstance(found[4], Failure)
    assert isinstance(found[5], Loaded)
    assert "The forwarded words." in found[5].document.text


def test_a_picture_that_decorates_the_body_is_left_out(loads: Callable[..., list[Loaded | Failure]]) -> None:
    message = _message("Hello there.", "<p>Hello there.</p><img src='cid:logo'>")
    message.get_payload()[1].add_related(
        b"\x89PNG\r\n\x1a\n000", maintype="image", subtype="png", cid="<logo>"
    )
    assert len(loads(message.as_bytes(), "m.eml")) == 1


BROKEN = {
    "no boundary": b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed\n\nThe words.\n",
    "wrong boundary": b'From: a@example.org\nContent-Type: multipart/mixed; boundary="b"\n\nThe words.\n',
    "cut off": b'From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n'
    b"Content-Type: text/plain\n\nThe words.",
    "unknown charset": b"From: a@example.org\nContent-Type: text/plain; charset=x-klingon\n\nThe words.\n",
    "unknown encoding": b"From: a@example.org\nMIME-Version: 1.0\nContent-Transfer-Encoding: x-zip\n\nThe words.\n",
    "broken base64": b"From: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain\n"
    b"Content-Transfer-Encoding: base64\n\nVGhlIHdvcmRzLg=",
    "raw bytes in headers": b"From: Ana Mu\xf1oz <a@example.org>\nSubject: a\xf1o\nReceived: x\n\nThe words.\n",
    "broken encoded word": b"From: a@example.org\nSubject: =?utf-8?b?////?= =?x?\nReceived: x\n\nThe words.\n",
    "broken date": b"From: a@example.org\nDate: yesterday, 99 Foo 2026\nReceived: x\n\nThe words.\n",
    "broken address": b"From: <<>>@,;:\nTo: ,,,\nSubject: x\nReceived: x\n\nThe words.\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_mails_are_read_all_the_same(settings: DocumentSettings, name: str) -> None:
    parsed = parse_mail(BROKEN[name], "m.eml", settings)
    assert "The words." in parsed.text
    assert parsed.published is None


def test_bytes_in_headers_are_decoded(settings: DocumentSettings) -> None:
    parsed = parse_mail(BROKEN["raw bytes in headers"], "m.eml", settings)
    assert (parsed.author, parsed.title) == ("Ana Muñoz", "año")


def test_robots_are_no_authors(settings: DocumentSettings) -> None:
    assert parse_mail(PLAIN.replace(b"Ana Ruiz <ana@", b"News <no-reply@"), "m.eml", settings).author is None


def test_a_mailbox(loads: Callable[..., list[Loaded | Failure]]) -> None:
    first = b"From ana@example.org Tue Feb  3 23:30:00 2026\n" + PLAIN.replace(
        b"> What", b">From what\n> What"
    )
    second = b"\nFrom luis@example.org Wed Feb  4 08:00:00 2026\n" + PLAIN.replace(
        b"40 million", b"50 million"
    )
    data = first + b"\nFrom here on it gets 2026\n worse.\n" + second
    found = loads(data, "all.mbox")
    assert [item.document.path for item in found if isinstance(item, Loaded)] == [
        "all.mbox!/0001.eml",
        "all.mbox!/0002.eml",
    ]
    texts = [item.document.text for item in found if isinstance(item, Loaded)]
    assert "From here on it gets" in texts[0]
    assert "\nFrom what" in texts[0]
    assert "50 million" in texts[1]


def test_a_mailbox_without_messages(settings: DocumentSettings) -> None:
    with pytest.raises(UnreadableFile, match="without any message"):
        parse_mbox(b"nothing here", "x.mbox", settings)


@pytest.mark.shared
def test_real_mails(shared: Path, loads: Callable[..., list[Loaded | Failure]]) -> None:
    folder = shared / "data" / "documents"
    found = loads((folder / "eml_with_attachment.eml").read_bytes(), "a.eml")
    assert [item.document.path for item in found if isinstance(item, Loaded)] == ["a.eml", "a.eml!/test.txt"]
    (only,) = loads((folder / "family-day.eml").read_bytes(), "f.eml")
    assert isinstance(only, Loaded)
    assert (only.document.title, only.document.published) == ("Family Day", "2022-12-21")
    assert "<" not in only.document.text.split("\n\n", 1)[1]


MHTML = (
    b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://harbour.example/bridge\r\n"
    b"Subject: Bridge wins the vote\r\nDate: Tue, 5 May 2026 10:00:00 -0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/related; type="text/html"; boundary="cut"\r\n\r\n'
    b"--cut\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    b"Content-Location: https://harbour.example/bridge\r\n\r\n"
    b"<html><head><title>Bridge wins the vote</title><meta property=3D'og:site_name' content=3D'Harbour Post'>"
    b"<meta property=3D'article:published_time' content=3D'2026-02-03'></head><body><h1>Bridge wins the vote</h1>"
    b"<p>The council voted seven to two for the bridge =E2=80=93 at last.</p></body></html>\r\n"
    b"--cut\r\nContent-Type: text/html\r\n\r\n<html><body><p>An advert in a frame.</p></body></html>\r\n"
    b"--cut\r\nContent-Type: text/css\r\n\r\np { color: red }\r\n"
    b"--cut\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--cut--\r\n"
)


@pytest.mark.parametrize("name", ["bridge.mht", "bridge.mhtml", "bridge.eml", "bridge"])
def test_a_page_saved_as_one_file_is_the_page(document: Callable[..., Document], name: str) -> None:
    found = document(MHTML, name)
    assert found.text == "Bridge wins the vote\n\nThe council voted seven to two for the bridge – at last."
    assert (found.title, found.source, found.author) == ("Bridge wins the vote", "Harbour Post", None)
    assert (found.published, found.media_type) == (
        "2026-02-03",
        "text/html",
    )  # not the day on which it was saved
