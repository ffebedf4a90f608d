"""Answers, cards, lists and whole documents as HTML. All text passes `rag.html`, which escapes it at the last step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

from rag.errors import OnRecordError
from rag.html import Mark, context, escape, highlighted
from rag.render import date_notes
from rag.types import Document, Span
from ui.words import message, step

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
_MARKER = re.compile(r"\[(\d+)\]")


def answer_html(answer: Mapping[str, Any], documents: Mapping[str, Document], prefix: str = "") -> str:
    """The answer with its markers as links to the cards below it, one card per quote; or the plain refusal.

    `prefix` stands before the ids of the cards: a page may show several answers.
    """
    if answer["status"] != "answered":
        return _refusal_html(answer, documents)
    markers = {citation["marker"] for citation in answer["citations"]}
    text = _with_marker_links(answer["answer"], markers, prefix)
    parts = [f'<div class="otr-answer" role="status">{text}</div>', dates_html(answer), _note_html(answer)]
    if answer["disagreement"]:
        parts.append(_disagreement_html(answer["disagreement"], prefix))
    parts.append('<ol class="otr-cards">')
    for citation in answer["citations"]:
        parts.append(_card_html(citation, documents[citation["document_id"]], prefix))
    parts.append("</ol>")
    parts.append(_withheld_html(answer["withheld"]))
    return "".join(parts)


def dates_html(answer: Mapping[str, Any]) -> str:
    """The day that a short answer such as "Tuesday" names: counted by this program, no words of the source."""
    notes = "<br>".join(escape(note) for note in date_notes(answer))
    return f'<p class="otr-note otr-dates">{notes}</p>' if notes else ""


def _note_html(answer: Mapping[str, Any]) -> str:
    """What is missing or was not read; words of the answerer that claim nothing."""
    note = answer.get("note")
    return f'<p class="otr-note otr-missing">{escape(note)}</p>' if note else ""


def _with_marker_links(text: str, markers: set[int], prefix: str = "") -> str:
    """`[1]` becomes a link to card 1 where there is one; every other character is escaped as it is."""

    def link(match: re.Match[str]) -> str:
        number = int(match.group(1))
        if number not in markers:
            return match.group(0)
        return (
            f'<a class="otr-marker" href="#{prefix}source-{number}" aria-label="quote {number}">{number}</a>'
        )

    return _MARKER.sub(link, escape(text))


def _refusal_html(answer: Mapping[str, Any], documents: Mapping[str, Document]) -> str:
    parts = [
        f'<div class="otr-answer otr-refusal" role="status">{escape(answer["answer"])}</div>',
        _note_html(answer),
    ]
    nearest = list(dict.fromkeys(hit["document_id"] for hit in answer["hits"]))[:3]
    if nearest:
        parts.append(
            '<p class="otr-note">Nearest documents, none of which was found to answer:</p><ul class="otr-near">'
        )
        for document_id in nearest:
            parts.append(
                f'<li><a href="{document_url(document_id)}" target="_blank" rel="noopener">'
                f"{escape(name_of(documents[document_id]))}</a></li>"
            )
        parts.append("</ul>")
    parts.append(_withheld_html(answer["withheld"]))
    return "".join(parts)


def _disagreement_html(disagreement: Mapping[str, Any], prefix: str) -> str:
    values = "".join(
        f"<li>{escape(value['value'])} {_marker_links(value['citations'], prefix)}</li>"
        for value in disagreement["values"]
    )
    note = f"<strong>The sources differ.</strong> {escape(disagreement['note'])}"
    return f'<div class="otr-differ">{note}<ul>{values}</ul></div>'


def _marker_links(numbers: Sequence[int], prefix: str) -> str:
    return " ".join(_with_marker_links(f"[{number}]", {number}, prefix) for number in numbers)


def _withheld_html(withheld: Sequence[Mapping[str, Any]]) -> str:
    """What the answerer said and the documents do not bear out, closed until it is asked for."""
    if not withheld:
        return ""
    items = "".join(
        f'<li><span class="otr-struck">{escape(part["text"])}</span> <em>{escape(part["reason"])}</em></li>'
        for part in withheld
    )
    return (
        f'<details class="otr-withheld"><summary>{len(withheld)} withheld: not shown as an answer, because it was not '
        f"verified</summary><ul>{items}</ul></details>"
    )


def _card_html(citation: Mapping[str, Any], document: Document, prefix: str) -> str:
    span = Span(citation["start"], citation["end"])
    marker = citation["marker"]
    around = context(document.text, span, 160)
    body = highlighted(document.text, [Mark(span)], around)
    # The dots that say "there is more" are drawn by the style sheet, so that they are never copied as source text.
    cut = "".join(
        css
        for css, more in ((" cut-before", around.start > 0), (" cut-after", around.end < len(document.text)))
        if more
    )
    facts = [
        citation["source"] and escape(citation["source"]),
        escape(citation["published"][:10]) if citation["published"] else "date not stated",
        f"page {citation['page']}" if citation["page"] is not None else None,
        f"characters {span.start}–{span.end}",
    ]
    speaker = (
        f'<div class="otr-speaker">said by {escape(citation["speaker"])}</div>' if citation["speaker"] else ""
    )
    url = document_url(citation["document_id"], span)
    return (
        f'<li class="otr-card" id="{prefix}source-{marker}"><div class="otr-card-head">'
        f'<span class="otr-number">{marker}</span><span class="otr-title">{escape(name_of(document))}</span></div>'
        f'{speaker}<blockquote class="otr-context{cut}">{body}</blockquote>'
        f'<div class="otr-facts">{" · ".join(fact for fact in facts if fact)}</div>'
        f'<div class="otr-actions"><a href="{url}" target="_blank" rel="noopener">Open the document at this quote</a>'
        f'<a href="/original/{url_quote(citation["document_id"], safe="")}">Original file</a></div></li>'
    )


def name_of(document: Document) -> str:
    return document.title or document.path.rsplit("/", 1)[-1]


def document_url(document_id: str, span: Span | None = None) -> str:
    """Where the app shows a document; with a span, scrolled to it. Safe inside a double-quoted attribute."""
    url = f"/document/{url_quote(document_id, safe='')}"
    return url if span is None else f"{url}?start={span.start}&amp;end={span.end}#quote"


def document_page(
    document: Document, record: Mapping[str, Any], span: Span | None, original: str | None = None
) -> str:
    """A whole document as one page without scripts: metadata, the text, furniture greyed, the quote marked.

    `original` is the address of its original file, where the app has one.
    """
    marks = [Mark(piece, css="furniture") for piece in document.furniture]
    if span is not None:
        marks.append(Mark(span, css="quote", anchor="quote"))
    facts = [
        ("Outlet", document.source),
        ("Author", document.author),
        ("Published", document.published),
        ("Last modified", document.modified),
        ("Added", record["added_at"]),
        ("Language", document.language),
        ("Format", document.media_type),
        ("sha256", document.sha256),
    ]
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value or 'not stated')}</td></tr>" for name, value in facts
    )
    paths = "".join(f"<li>{escape(path)}</li>" for path in record["copies"])
    link = f'<p><a href="{escape(original)}">Original file</a></p>' if original else ""
    legend = '<p class="otr-note">Grey: menus, adverts and forms, which are never searched or quoted.</p>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name_of(document))}</title><style>{STYLE}</style></head>"
        f'<body class="otr-document"><h1>{escape(name_of(document))}</h1>'
        f"<details><summary>About this document</summary><table>{rows}</table>"
        f'<p>Files:</p><ul class="otr-paths">{paths}</ul>'
        f"{link}</details>"
        f"{legend if document.furniture else ''}<pre>{highlighted(document.text, marks)}</pre></body></html>"
    )


def documents_html(records: Sequence[Mapping[str, Any]]) -> str:
    """The list of documents as a table; each title opens the document."""
    if not records:
        formats = "text, HTML, PDF, Word, Excel, CSV, mail or ZIP"
        return f'<p class="otr-note">No documents yet. Add files above: {formats}.</p>'
    rows = []
    for record in records:
        name = record["title"] or str(record["path"]).rsplit("/", 1)[-1]
        copies = len(record["copies"]) - 1
        note = (
            f' <span class="otr-copies">+ {copies} {"copy" if copies == 1 else "copies"}</span>'
            if copies
            else ""
        )
        rows.append(
            f'<tr><td><a href="{document_url(record["document_id"])}" target="_blank" rel="noopener">{escape(name)}</a>'
            f"{note}</td><td>{escape(record['source'] or '—')}</td>"
            f"<td>{escape((record['published'] or 'not stated')[:10])}</td><td>{escape(record['language'] or '—')}</td>"
            f'<td class="otr-count">{record["passages"]}</td><td><code>{escape(record["document_id"])}</code></td></tr>'
        )
    return (
        f'<p class="otr-note">{len(records)} documents</p><div class="otr-scroll"><table class="otr-table"><thead><tr>'
        "<th>Title</th><th>Outlet</th><th>Published</th><th>Language</th><th>Passages</th><th>Id</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def add_report_html(report: Mapping[str, Any]) -> str:
    """What an upload did, each failed file with its reason and the next step."""
    counts = ", ".join(
        f"{len(report[kind])} {kind}"
        for kind in ("added", "updated", "unchanged", "copies", "failed")
        if report[kind] or kind == "added"
    )
    failed = "".join(
        f"<li><strong>{escape(entry['path'])}</strong>: {escape(entry['error'])}. {escape(step(entry['next_step']))}</li>"
        for entry in report["failed"]
    )
    css = "otr-report otr-bad" if report["failed"] else "otr-report"
    return f'<div class="{css}" role="status">{counts}; {report["passages"]} passages.<ul>{failed}</ul></div>'


def message_html(text: str, *, bad: bool = False) -> str:
    return f'<div class="otr-report{" otr-bad" if bad else ""}" role="status">{escape(text)}</div>'


def error_html(error: OnRecordError) -> str:
    return message_html(message(error), bad=True)


def error_page(error: OnRecordError) -> str:
    """A page of its own in place of a document that cannot be shown."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>On the Record</title><style>{STYLE}</style></head>"
        f'<body class="otr-document">{error_html(error)}</body></html>'
    )
