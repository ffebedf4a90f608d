"""The comparison of two runs as HTML. All text passes `rag.html`, which escapes it at the last step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.html import escape

_VERDICTS = {"better": "B is better", "worse": "B is worse", "cannot tell": "Cannot tell"}


def comparison_html(result: Mapping[str, Any]) -> str:
    """The verdict with what it rests on: the least difference that can be seen, each metric, what changed."""
    primary, least = result["primary_metric"], result["detectable_difference"]
    seen = (
        "No question differs, so nothing says which difference could have been seen."
        if least is None
        else f"With so many questions a difference of {100 * least:.1f} points of {primary} or more is seen in 4 of 5 "
        "cases."
    )
    clusters = (
        "" if result["clusters"] == result["questions"] else f" in {result['clusters']} independent groups"
    )
    rows = [
        _comparison_row(name, row, name == primary)
        for name, row in sorted(result["metrics"].items(), key=lambda each: each[0] != primary)
    ]
    changed = result["changed"]
    return (
        f'<div class="otr-comparison"><div class="otr-answer" role="status">{_VERDICTS[result["verdict"]]} at '
        f"n = {result['n']}</div>"
        f'<p class="otr-note">{result["questions"]} questions{clusters}; primary metric '
        f"<strong>{escape(primary or 'none')}</strong>. {escape(seen)}</p>{_note_list(result['notes'])}"
        '<div class="otr-scroll"><table class="otr-table otr-figures"><thead><tr><th>Metric</th>'
        '<th class="otr-count">n</th><th class="otr-count">A</th><th class="otr-count">B</th>'
        '<th class="otr-count">B − A</th><th>95 % interval</th><th class="otr-count">p</th><th>Verdict</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="otr-note">Values in percent, differences in points. p: the primary metric as it is, the others '
        "corrected by Holm.</p>"
        f'<h3 class="otr-h">{len(changed)} question{"" if len(changed) == 1 else "s"} changed</h3>'
        f"{''.join(map(_changed_html, changed))}</div>"
    )


def _note_list(notes: Sequence[str]) -> str:
    return "".join(f'<p class="otr-note">{escape(note[:1].upper() + note[1:])}.</p>' for note in notes)


def _comparison_row(name: str, row: Mapping[str, Any], primary: bool) -> str:
    interval = "–" if row["low"] is None else f"{_points(row['low'])} to {_points(row['high'])}"
    p = row["p"] if row["p_holm"] is None else row["p_holm"]
    p_value = f"{p:.3f}" if p >= 0.001 else "&lt; 0.001"
    css = {"better": " otr-right", "worse": " otr-wrong"}.get(row["verdict"], "")
    star = ' <span class="otr-primary">primary</span>' if primary else ""
    return (
        f'<tr><td><strong>{escape(name)}</strong>{star}</td><td class="otr-count">{row["n"]}</td>'
        f'<td class="otr-count">{100 * row["a"]:.1f}</td><td class="otr-count">{100 * row["b"]:.1f}</td>'
        f'<td class="otr-count">{_points(row["difference"])}</td><td class="otr-interval">{interval}</td>'
        f'<td class="otr-count">{p_value}</td>'
        f'<td class="otr-verdict{css}">{escape(row["verdict"])}</td></tr>'
    )


def _points(difference: float) -> str:
    text = f"{100 * difference:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _changed_html(entry: Mapping[str, Any]) -> str:
    sides = "".join(
        f"<section><h4>{name} {_side_mark(entry[side])}</h4>"
        f'<div class="otr-said">{escape(str(entry[side]["answer"] or ""))}</div></section>'
        for side, name in (("a", "A"), ("b", "B"))
    )
    return (
        f'<article class="otr-item"><h3>{escape(entry["question"])}</h3>'
        f'<p class="otr-facts">{escape(" · ".join(str(part) for part in (entry["id"], entry["category"]) if part))}</p>'
        f'<div class="otr-pair">{sides}</div></article>'
    )


def _side_mark(side: Mapping[str, Any]) -> str:
    if side["correct"] is None and side["stage"] is None:
        return '<span class="otr-verdict">not judged</span>'
    if side["correct"] == 1:
        return '<span class="otr-verdict otr-right">right</span>'
    return f'<span class="otr-verdict otr-wrong">{escape(side["stage"] or "wrong")}</span>'
