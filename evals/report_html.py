"""One self-contained HTML file of a run: nothing is loaded, nothing runs, every text is escaped where it is put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from evals import plots
from evals.measures import MEASURES
from evals.score import STAGES, Record, confidence_pairs

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--faint:#667;--rule:#d9d9de;--mark:#ffe9a8;--good:#17692f;
--bad:#a3231c;--card:#f7f7f9}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8ea;--paper:#16171a;--faint:#9a9ba5;--rule:#34353b;--mark:#5c4a10;
--good:#6fcf8b;--bad:#ff8a80;--card:#1f2024}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;
margin:2rem auto;padding:0 1rem}
h1,h2{line-height:1.2}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .75rem;text-align:left;
border-bottom:1px solid var(--rule);vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
.faint{color:var(--faint)}.good{color:var(--good)}.bad{color:var(--bad)}mark{background:var(--mark);color:inherit}
details{border:1px solid var(--rule);border-radius:6px;margin:.4rem 0;background:var(--card)}
summary{padding:.5rem .75rem;cursor:pointer}details>div{padding:0 .75rem .75rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}@media(max-width:50rem){.pair{grid-template-columns:1fr}}
blockquote{margin:.4rem 0;padding:.2rem .8rem;border-left:3px solid var(--rule);
white-space:pre-wrap;overflow-wrap:anywhere}
.plots{display:flex;flex-wrap:wrap;gap:1rem}svg text{fill:var(--faint);font-size:12px}.grid{stroke:var(--rule)}
.line{fill:none;stroke:var(--bad);stroke-width:2}.diagonal{stroke:var(--faint);stroke-dasharray:4 4}
.bar{stroke:var(--faint);stroke-width:2}.dot{fill:var(--good)}
"""


def page(description: Mapping[str, Any], summary: Mapping[str, Any], records: Sequence[Record]) -> str:
    """The whole report: what was run, summary, categories, plots, then every question, failures first."""
    identity = description["identity"]
    title = f"{summary['suite']}: {identity['system'].get('answerer', 'system')}"
    ranked = sorted(records, key=lambda record: record["stage"] is None)
    body = [
        f"<h1>{escape(title)}</h1>",
        _about(description, summary),
        "<h2>Summary</h2>",
        _metrics(summary["metrics"]),
        _stages(records),
        _by_category(summary["by_category"]),
        _plots(records),
        "<h2>Questions</h2>",
        *map(_question, ranked),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _about(description: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    identity, environment = description["identity"], description.get("environment", {})
    latency = summary["latency_ms"]
    suite = identity["suite"]
    rows = {
        "suite": f"{suite['name']} {suite.get('version') or ''} ({suite['digest'][:12]})",
        "corpus": f"{identity['corpus'].get('documents', '?')} documents ({identity['corpus']['digest'][:12]})",
        "settings": identity["settings_digest"][:12],
        "started": environment.get("started", "-"),
        "commit": f"{environment.get('commit') or '-'}{' + changes' if environment.get('uncommitted_changes') else ''}",
        "questions": f"{summary['questions']}, of which {summary['failed']} failed (crash or time limit)",
        "latency": "-"
        if latency["p50"] is None
        else f"{latency['p50']:.0f} ms median, {latency['p95']:.0f} ms 95th percentile",
    }
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items()
    )
    return f"<table>{cells}</table>"


def _metrics(metrics: Mapping[str, Any]) -> str:
    rows = []
    for name, entry in metrics.items():
        measure = MEASURES.get(name)
        says = f"{measure.says}{'' if measure.higher_is_better else ' (lower is better)'}" if measure else ""
        rows.append(f"<tr><th>{escape(name)}</th>{_cells(entry)}<td class=faint>{escape(says)}</td></tr>")
    return (
        "<table><tr><th>metric</th><th class=number>value</th><th class=number>95 % interval</th>"
        f"<th class=number>n</th><th></th></tr>{''.join(rows)}</table>"
    )


def _cells(entry: Mapping[str, Any]) -> str:
    value = "not measured" if entry["value"] is None else f"{entry['value']:.3f}"
    interval = "–" if entry["low"] is None else f"{entry['low']:.3f} – {entry['high']:.3f}"
    return f"<td class=number>{value}</td><td class=number>{interval}</td><td class=number>{entry['n']}</td>"


def _stages(records: Sequence[Record]) -> str:
    rows = []
    for stage in STAGES:
        count = sum(record["stage"] == stage for record in records)
        if count:
            rows.append(f"<tr><th>{escape(stage)}</th><td class=number>{count}</td></tr>")
    return f"<h2>What failed</h2><table>{''.join(rows)}</table>" if rows else ""


def _by_category(categories: Mapping[str, Any]) -> str:
    if not categories:
        return ""
    none = {"value": None, "low": None, "high": None, "n": 0}
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{_cells(found.get('accuracy', none))}</tr>"
        for name, found in categories.items()
    )
    return (
        "<h2>By category</h2><table><tr><th>category</th><th class=number>accuracy</th>"
        f"<th class=number>95 % interval</th><th class=number>n</th></tr>{rows}</table>"
    )


def _plots(records: Sequence[Record]) -> str:
    pairs = confidence_pairs(records)
    if not pairs:
        return ""
    drawn = plots.risk_coverage(pairs, len(records)) + plots.reliability(pairs)
    return f'<h2>Confidence</h2><div class="plots">{drawn}</div>'


def _question(record: Record) -> str:
    stage = record["stage"]
    if stage is not None:
        mark = f'<span class="bad">✗ {escape(stage)}</span>'
    elif record["scores"]["accuracy"] is None:
        mark = '<span class="faint">– not judged</span>'
    else:
        mark = '<span class="good">✓</span>'
    trial = f" · trial {record['trial']}" if record["trial"] else ""
    about = " · ".join(str(part) for part in (record["id"], record["category"]) if part)
    opened = " open" if stage and stage != "failed" else ""
    return (
        f'<details{opened} id="{escape(str(record["id"]), quote=True)}"><summary>{mark} '
        f'{escape(record["question"])} <span class="faint">{escape(about + trial)}</span></summary><div>'
        f'<div class="pair"><div><h3>Answer</h3>{_answer(record)}</div><div><h3>Gold</h3>{_gold(record)}</div></div>'
        f"{_scores(record)}</div></details>"
    )


def _answer(record: Record) -> str:
    ask = record["ask"]
    if ask is None:
        return f'<p class="bad">{escape(record["error"] or record["state"])}</p>'
    confidence = (
        "" if ask["confidence"] is None else f' <span class="faint">confidence {ask["confidence"]:.2f}</span>'
    )
    reason = f" ({escape(ask['reason'])})" if ask.get("reason") else ""
    parts = [f"<p>{escape(ask['answer'] or '')}{reason}{confidence}</p>"]
    around = {entry["marker"]: entry for entry in record["contexts"]}
    for citation in ask["citations"]:
        near = around.get(citation["marker"], {"before": "", "after": ""})
        speaker = f" · {escape(citation['speaker'])}" if citation.get("speaker") else ""
        place = f"{citation['document_id']} {citation['start']}–{citation['end']}"
        parts.append(
            f"<blockquote>{escape(near['before'])}<mark>{escape(citation['quote'])}</mark>{escape(near['after'])}"
            f'</blockquote><p class="faint">[{citation["marker"]}] {escape(place)}{speaker}</p>'
        )
    if ask.get("disagreement"):
        parts.append(
            f"<p>{escape(ask['disagreement']['kind'])}: {escape(ask['disagreement']['note'] or '')}</p>"
        )
    return "".join(parts)


def _gold(record: Record) -> str:
    gold = record["gold"]
    if not gold["answerable"]:
        return "<p>Not in the documents: to be declined.</p>"
    parts = []
    if gold["answers"]:
        parts.append("<p>" + escape(" | ".join(" / ".join(answer) for answer in gold["answers"])) + "</p>")
    if gold["nuggets"]:
        items = "".join(
            f"<li>{escape(each['text'])} ({escape(each['importance'])})</li>" for each in gold["nuggets"]
        )
        parts.append(f"<ul>{items}</ul>")
    for each in gold["evidence"]:
        place = f"{each['document_id']} {each['start']}–{each['end']}"
        parts.append(f'<blockquote>{escape(each["quote"])}</blockquote><p class="faint">{escape(place)}</p>')
    for name in ("speaker", "disagreement"):
        if gold[name]:
            parts.append(f"<p>{name}: {escape(gold[name])}</p>")
    return "".join(parts) or '<p class="faint">none given</p>'


def _scores(record: Record) -> str:
    cells = []
    for name, value in record["scores"].items():
        if value is not None:
            reason = record["why"].get(name, "")
            cells.append(
                f"<tr><th>{escape(name)}</th><td class=number>{value:.2f}</td><td class=faint>{escape(reason)}</td></tr>"
            )
    return f"<table>{''.join(cells)}</table>"
