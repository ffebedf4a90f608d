"""The questions of a run as HTML: the list with its filter, and one question with all that is known of it.

All text passes `rag.html`, which escapes it at the last step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote as url_quote

from rag.html import Mark, escape, highlighted
from rag.types import Span
from ui.runs import Run

SHOWN = 500  # rows of the list of questions; more would make the page slow
_NEAR = 120  # characters shown on either side of a quote
_BLANK_LINES = re.compile(r"\n\s*\n")
ALL, FAILURES, RIGHT, UNJUDGED = "all", "failures", "right", "not judged"
Record = dict[str, Any]


def filters(records: Sequence[Record]) -> list[tuple[str, str]]:
    """The choices of the filter with their counts, as (label, value)."""
    failed = stages(records)
    choices = [(f"All ({len(records)})", ALL), (f"Failures ({sum(failed.values())})", FAILURES)]
    choices += [(f"– {stage} ({count})", stage) for stage, count in failed.items()]
    for value, label in ((RIGHT, "Right"), (UNJUDGED, "Not judged")):
        count = sum(_passes(record, value) for record in records)
        if count:
            choices.append((f"{label} ({count})", value))
    return choices


def _passes(record: Record, chosen: str) -> bool:
    if chosen == ALL:
        return True
    if chosen == FAILURES:
        return record["stage"] is not None
    judged = record["stage"] is not None or record["scores"]["accuracy"] is not None
    if chosen in (RIGHT, UNJUDGED):
        return record["stage"] is None and judged == (chosen == RIGHT)
    return bool(record["stage"] == chosen)


def listing_html(run: Run, chosen: str) -> str:
    """The questions that pass the filter, one button each; `data-item` is its place in the run's records."""
    found = [index for index, record in enumerate(run.records) if _passes(record, chosen)]
    if not found:
        return '<p class="otr-note">No question passes this filter.</p>'
    rows = []
    for index in found[:SHOWN]:
        record = run.records[index]
        about = " · ".join(str(part) for part in (record["category"], _trial(record)) if part)
        rows.append(
            f'<li><button type="button" data-item="{index}" data-run="{escape(run.name)}">{_mark(record)}'
            f'<span class="otr-asked">{escape(record["question"])}</span><span class="otr-facts">{escape(about)}'
            "</span></button></li>"
        )
    more = len(found) - SHOWN
    note = f'<p class="otr-note">and {more} more: choose a filter to see fewer.</p>' if more > 0 else ""
    return f'<ol class="otr-questions">{"".join(rows)}</ol>{note}'


def _trial(record: Record) -> str:
    return f"trial {record['trial'] + 1}" if record["trial"] else ""


def _mark(record: Record) -> str:
    if record["stage"] is not None:
        return f'<span class="otr-verdict otr-wrong">{escape(record["stage"])}</span>'
    if record["scores"]["accuracy"] is None:
        return '<span class="otr-verdict">not judged</span>'
    return '<span class="otr-verdict otr-right">right</span>'


def question_html(run: Run, index: int) -> str:
    """One question: the answer with its quotes in context, the gold beside it, why it scored so, what it was shown."""
    record = run.records[index]
    ask = record["ask"]
    facts = [record["id"], record["category"], record["lang"], _trial(record)]
    if ask is not None and ask["confidence"] is not None:
        facts.append(f"confidence {ask['confidence']:.2f}")
    return (
        f'<article class="otr-item"><h3>{escape(record["question"])}</h3>'
        f'<p class="otr-facts">{_mark(record)} {escape(" · ".join(str(fact) for fact in facts if fact))}</p>'
        f'<div class="otr-pair"><section><h4>Answer</h4>{_answer_html(run, record)}</section>'
        f"<section><h4>Gold</h4>{_gold_html(run, record)}</section></div>"
        f"{_why_html(record)}{_hits_html(run, record)}</article>"
    )


def _answer_html(run: Run, record: Record) -> str:
    ask = record["ask"]
    if ask is None:
        return f'<div class="otr-report otr-bad">{escape(record["error"] or record["state"])}</div>'
    css = "otr-said" if record["state"] == "answered" else "otr-said otr-refusal"
    parts = [f'<div class="{css}">{escape(ask["answer"] or "")}</div>']
    around = {entry["marker"]: entry for entry in record["contexts"]}
    for citation in ask["citations"]:
        near = around.get(citation["marker"], {"before": "", "after": ""})
        speaker = (
            f'<div class="otr-speaker">said by {escape(citation["speaker"])}</div>'
            if citation.get("speaker")
            else ""
        )
        parts.append(
            f'{speaker}{_quoted_html(near["before"], citation["quote"], near["after"])}<p class="otr-facts">'
            f"[{int(citation['marker'])}] {_place(run, citation, _name(citation))}</p>"
        )
    told = ask.get("disagreement")
    if told:
        parts.append(f'<div class="otr-differ">{escape(told["kind"])}: {escape(told["note"] or "")}</div>')
    withheld = ask.get("withheld") or ()
    if withheld:
        items = items_html([f"{part['text']} ({part['reason']})" for part in withheld])
        parts.append(
            f'<details class="otr-withheld"><summary>{len(withheld)} withheld</summary>{items}</details>'
        )
    return "".join(parts)


def _quoted_html(before: str, quote: str, after: str) -> str:
    """The quote, character by character, marked in what stands around it, which is cut between words and has no blank
    lines. The dots that say so are drawn by the style sheet."""
    left, right = _BLANK_LINES.sub("\n", before[-_NEAR:]), _BLANK_LINES.sub("\n", after[:_NEAR])
    if len(before) >= _NEAR:
        left = left.partition(" ")[2]
    if len(after) >= _NEAR:
        right = right.rpartition(" ")[0]
    css = (" cut-before" if len(before) >= _NEAR else "") + (" cut-after" if len(after) >= _NEAR else "")
    span = Span(len(left), len(left) + len(quote))
    return (
        f'<blockquote class="otr-context{css}">{highlighted(left + quote + right, [Mark(span)])}</blockquote>'
    )


def _name(place: Mapping[str, Any]) -> str:
    return str(place.get("title") or place["document_id"])


def _place(run: Run, place: Mapping[str, Any], name: str) -> str:
    """A document's name as a link to the place in it, where the app has the document."""
    if not run.documents:
        return escape(name)
    url = (
        f"/run/{url_quote(run.name, safe='')}/document/{url_quote(place['document_id'], safe='')}"
        f"?start={int(place['start'])}&amp;end={int(place['end'])}#quote"
    )
    return f'<a href="{url}" target="_blank" rel="noopener">{escape(name)}</a>'


def _gold_html(run: Run, record: Record) -> str:
    gold = record["gold"]
    if not gold["answerable"]:
        return '<div class="otr-said otr-refusal">Not in the documents: to be declined.</div>'
    parts = []
    if gold["answers"]:
        first, *others = (" / ".join(answer) for answer in gold["answers"])
        parts.append(f'<div class="otr-said">{escape(first)}</div>')
        parts += [f'<div class="otr-facts">or {escape(other)}</div>' for other in others]
    if gold["nuggets"]:
        parts.append(items_html([f"{each['text']} ({each['importance']})" for each in gold["nuggets"]]))
    for number, place in enumerate(gold["evidence"], start=1):
        parts.append(
            f'<blockquote class="otr-context">{escape(place["quote"])}</blockquote>'
            f'<p class="otr-facts">[{number}] {_place(run, place, place["document_id"])}</p>'
        )
    sets = gold["evidence_sets"]
    if len(sets) > 1:
        told = ", or ".join(" and ".join(str(index + 1) for index in each) for each in sets)
        parts.append(f'<p class="otr-facts">enough: quote {told}</p>')
    for name in ("speaker", "disagreement"):
        if gold[name]:
            parts.append(f'<p class="otr-facts">{name}: {escape(gold[name])}</p>')
    return "".join(parts) or '<p class="otr-note">none given</p>'


def _why_html(record: Record) -> str:
    """Every figure of the question; those that are not the best possible say why, and come first."""
    rows = [
        (
            name not in record["why"],
            f"<tr><td><strong>{escape(name)}</strong></td>"
            f'<td class="otr-count">{value:.2f}</td><td>{escape(record["why"].get(name, ""))}</td></tr>',
        )
        for name, value in record["scores"].items()
        if value is not None
    ]
    body = "".join(row for _, row in sorted(rows, key=lambda each: each[0]))
    warning = record["why"].get("warning")
    note = f'<p class="otr-note">Warning: {escape(warning)}</p>' if warning else ""
    return (
        '<h4>Why</h4><div class="otr-scroll"><table class="otr-table otr-why"><thead><tr><th>Metric</th>'
        f'<th class="otr-count">Score</th><th>Reason</th></tr></thead><tbody>{body}</tbody></table></div>{note}'
    )


def _hits_html(run: Run, record: Record) -> str:
    """The passages that it was shown, in order; those that overlap gold evidence say so."""
    ask = record["ask"]
    if ask is None or not ask["hits"]:
        return ""
    rows = []
    for hit in ask["hits"]:
        gold = any(
            hit["document_id"] == place["document_id"]
            and hit["start"] < place["end"]
            and place["start"] < hit["end"]
            for place in record["gold"]["evidence"]
        )
        rows.append(
            f'<tr><td class="otr-count">{int(hit["rank"])}</td><td>{_place(run, hit, hit["document_id"])}</td>'
            f"<td>{int(hit['start'])}–{int(hit['end'])}</td><td>{'holds gold' if gold else ''}</td></tr>"
        )
    return (
        f'<details class="otr-more"><summary>The {len(rows)} passages that it was shown</summary>'
        f'<table class="otr-table">{"".join(rows)}</table></details>'
    )


def stages(records: Sequence[Record]) -> dict[str, int]:
    """How many questions failed at each stage that any failed at, in the order of the stages."""
    from evals.score import STAGES

    counts = {stage: sum(record["stage"] == stage for record in records) for stage in STAGES}
    return {stage: count for stage, count in counts.items() if count}


def items_html(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""
