"""Answers as the JSON of the command line and as text for a person.

`answer_json` is the one place that knows the shape of the `ask` object: the command line, the web app, the evidence
pack and the evaluation bench all use it.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Mapping
from typing import Any

from rag.days import MONTHS, in_words
from rag.types import Answer, Citation, Disagreement, Document, Hit, ModelUse, NoAnswer, Resolved

# What a document could use to paint over a terminal: C0 controls but tab and newline, DEL, C1, and the direction marks.
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)))
_CONTROLS |= dict.fromkeys((*range(8234, 8239), *range(8294, 8298), 8206, 8207))


def printable(text: str) -> str:
    """`text` without the characters that could control a terminal; for display only, never for JSON."""
    return text.translate(_CONTROLS)


def answer_json(answer: Answer | NoAnswer) -> dict[str, Any]:
    """The `ask` object. Unknown is None; offsets are code points of the document's text."""
    found = answer if isinstance(answer, Answer) else None
    return {
        "question": answer.question.text,
        "status": "answered" if found else "no_answer",
        "reason": answer.reason if isinstance(answer, NoAnswer) else None,
        "answer": answer.text,
        "short_answers": list(found.short_answers) if found else [],
        "short_answer_dates": _dates_json(found) if found else [],
        "statements": [
            {"text": part.text, "citations": list(part.citations), "speaker": part.speaker}
            for part in (found.statements if found else ())
        ],
        "citations": [citation_json(citation) for citation in (found.citations if found else ())],
        "disagreement": _disagreement_json(found.disagreement) if found and found.disagreement else None,
        "withheld": [{"text": part.text, "reason": part.reason} for part in answer.withheld],
        "hits": [_hit_json(hit) for hit in answer.hits],
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "answerer": answer.answerer,
        "timings_ms": {name: round(value, 1) for name, value in answer.timings_ms.items()},
        "note": answer.note or None,
        "searched": answer.searched,
        "usage": None if answer.usage is None else _usage_json(answer.usage),
    }


def _dates_json(answer: Answer) -> list[dict[str, str] | None]:
    """One entry for each short answer; None where it names no day by counting from its document's date."""
    dates = answer.short_answer_dates or (None,) * len(answer.short_answers)
    return [None if date is None else _date_json(date) for date in dates]


def _date_json(date: Resolved) -> dict[str, str]:
    """ISO days, both inclusive, and the date of the document that they were counted from."""
    return {"first": date.first.isoformat(), "last": date.last.isoformat(), "counted_from": date.counted_from}


def date_notes(answer: Mapping[str, Any]) -> list[str]:
    """For each short answer of an `ask` object that names a day without its date: the day, in words of our own.

    >>> day = {"first": "2024-05-14", "last": "2024-05-14", "counted_from": "2024-05-16"}
    >>> date_notes({"short_answers": ["Tuesday", "37"], "short_answer_dates": [day, None]})
    ["Tuesday (14 May 2024, counted from the document's date, 16 May 2024)"]
    """
    # Answers of earlier versions have no dates.
    pairs = zip(answer["short_answers"], answer.get("short_answer_dates") or (), strict=False)
    return [
        f"{' '.join(words.split())} ({_days_text(date['first'], date['last'])}, counted from the document's date, "
        f"{_days_text(date['counted_from'], date['counted_from'])})"
        for words, date in pairs
        if date
    ]


def _days_text(first: str, last: str) -> str:
    """A day, a whole month or a whole year in words, else its two ends; "counted_from" may lack the day."""
    if len(first) < 10:
        known = dt.date.fromisoformat(f"{first}-01-01"[:10])
        return f"{MONTHS[known.month - 1]} {known.year}" if "-" in first else str(known.year)
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    after = end + dt.timedelta(1) if end < dt.date.max else end
    if start.day == 1 and after.day == 1 and start < end:
        if (start.month, after.month, after.year) == (1, 1, start.year + 1):
            return str(start.year)
        if (start.year * 12 + start.month + 1) == after.year * 12 + after.month:
            return f"{MONTHS[start.month - 1]} {start.year}"
    return " to ".join(in_words(day) for day in dict.fromkeys((start, end)))


def _usage_json(usage: ModelUse) -> dict[str, Any]:
    """Tokens and cost of one answer (unknown is None), and where its text went: `host` None is this machine."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": None if usage.cost is None else round(usage.cost, 6),
        "host": usage.host,
        "prompt_digest": usage.prompts,
    }


def citation_json(citation: Citation) -> dict[str, Any]:
    """One citation of the `ask` object."""
    quote = citation.quote
    return {
        "marker": citation.marker,
        "document_id": quote.document_id,
        "path": citation.path,
        "title": citation.title,
        "source": citation.source,
        "published": citation.published,
        "page": quote.page,
        "start": quote.span.start,
        "end": quote.span.end,
        "quote": quote.text,
        "speaker": citation.speaker,
    }


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "document_id": hit.passage.document_id,
        "start": hit.passage.span.start,
        "end": hit.passage.span.end,
        "score": round(hit.score, 6),
        "rank": hit.rank,
    }


def _disagreement_json(disagreement: Disagreement) -> dict[str, Any]:
    return {
        "kind": disagreement.kind,
        "values": [{"value": part.value, "citations": list(part.citations)} for part in disagreement.values],
        "note": disagreement.note,
    }


def document_line(document: Document | Citation) -> str:
    """Title, outlet and day of a document or citation, as far as they are known; its file name where no title is."""
    name = document.title or document.path.rsplit("/", 1)[-1]
    parts = [name, document.source, document.published and document.published[:10]]
    return printable(" · ".join(part for part in parts if part))


class Style:
    """Terminal emphasis; every method gives plain text where colour is off."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def strong(self, text: str) -> str:
        return self._wrap("1", text)

    def faint(self, text: str) -> str:
        return self._wrap("2", text)

    def marker(self, text: str) -> str:
        return self._wrap("36", text)


def answer_text(
    answer: Answer | NoAnswer,
    documents: Mapping[str, Document],
    *,
    colour: bool = False,
    width: int = 100,
) -> str:
    """The answer for a person: the answer, then each numbered quote with where it stands.

    White space inside a quote is folded for the narrow column of a terminal; the JSON form has the exact slice.
    """
    style = Style(colour)
    lines = [style.strong(printable(answer.text)), ""]
    if isinstance(answer, Answer):
        if notes := date_notes(answer_json(answer)):
            lines[1:1] = [style.faint(printable(note)) for note in notes]
        for citation in answer.citations:
            lines += _citation_text(citation, documents[citation.quote.document_id], style, width)
        if answer.disagreement:
            lines += [style.strong("The sources differ: ") + printable(answer.disagreement.note), ""]
    elif answer.hits:
        nearest = dict.fromkeys(hit.passage.document_id for hit in answer.hits[:3])
        lines.append(style.faint("Nearest documents, none of which was found to answer:"))
        lines += [style.faint(f"  {document_line(documents[each])}  ({each})") for each in nearest]
        lines.append("")
    for part in answer.withheld:
        lines.append(style.faint(f"Withheld: {printable(part.text)} ({printable(part.reason)})"))
    return "\n".join(lines).rstrip() + "\n"


def _citation_text(citation: Citation, document: Document, style: Style, width: int) -> list[str]:
    quote = citation.quote
    tag = f"[{citation.marker}] "
    body = textwrap.fill(
        "“" + " ".join(printable(quote.text).split()) + "”",
        width=width,
        initial_indent=tag,
        subsequent_indent=" " * len(tag),
        break_on_hyphens=False,
    )
    place = f"characters {quote.span.start}–{quote.span.end} of {quote.document_id}"
    if quote.page is not None:
        place = f"page {quote.page}, {place}"
    about = [document_line(citation), place, f"file: {printable(citation.path)}"]
    if citation.speaker:
        about.insert(0, f"said by {printable(citation.speaker)}")
    if document.published is None:
        about[-2:-2] = ["date not stated in the document"]
    indent = " " * len(tag)
    return [
        style.marker(tag) + body[len(tag) :],
        *[style.faint(indent + line) for line in about],
        "",
    ]
