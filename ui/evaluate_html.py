"""Suites, runs, questions and comparisons as HTML. All text passes `rag.html`, which escapes it at the last step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote as url_quote

from rag.html import Mark, escape, highlighted
from rag.types import Span
from ui.bench import Checked, Run, State

SHOWN = 500  # rows of the list of questions; more would make the page slow
_NEAR = 120  # characters shown on either side of a quote
_BLANK_LINES = re.compile(r"\n\s*\n")
ALL, FAILURES, RIGHT, UNJUDGED = "all", "failures", "right", "not judged"
Record = Mapping[str, Any]


# What is going on ------------------------------------------------------------------------------------------------------


def state_html(state: State, *, stopping: bool = False) -> str:
    """The progress of a run, or how the last one ended; nothing where there was none."""
    if state.running:
        return _progress_html(state, stopping)
    if not state.message:
        return ""
    notes = _items(state.notes)
    return (
        f'<div class="otr-report{" otr-bad" if state.bad else ""}" role="status">{escape(state.message)}'
        f"{_problems(state.problems)}{notes}</div>"
    )


def _progress_html(state: State, stopping: bool) -> str:
    facts = [f"{state.done} of {state.of}"] if state.of else []
    if state.rate is not None:
        facts.append(f"{state.rate:.1f} a second")
    if state.left is not None:
        facts.append(f"{duration(state.left)} left")
    if state.failed:
        facts.append(f"{state.failed} failed")
    doing = "Stopping after this question" if stopping else state.doing
    width = 100 * state.done / state.of if state.of else 0
    return (
        f'<div class="otr-report otr-running" role="status"><strong>{escape(doing)} …</strong> {" · ".join(facts)}'
        f'<div class="otr-bar"><div style="width:{width:.1f}%"></div></div></div>'
    )


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def checked_html(checked: Checked) -> str:
    """What is wrong with a suite, each problem with its line; or that nothing is."""
    errors = sum(problem.severity == "error" for problem in checked.problems)
    if errors:
        said = f"{errors} problem{'' if errors == 1 else 's'} in {escape(str(checked.folder))}"
    else:
        said = f"{escape(str(checked.folder))}: {checked.questions} questions, nothing wrong. It is in the list now."
    css = "otr-report otr-bad" if errors else "otr-report"
    return f'<div class="{css}" role="status">{said}{_problems(checked.problems)}</div>'


def _problems(problems: Sequence[Any]) -> str:
    """Each problem as a row: file and line, field, reason. Warnings say that they are some."""
    if not problems:
        return ""
    rows = []
    for problem in problems:
        name = problem.file.rstrip("/").rsplit("/", 1)[-1]
        place = name if problem.line is None else f"{name}, line {problem.line}"
        warning = "" if problem.severity == "error" else "<em>warning:</em> "
        rows.append(
            f'<tr><td title="{escape(problem.file)}">{escape(place)}</td><td>{escape(problem.field)}</td>'
            f"<td>{warning}{escape(problem.reason)}</td></tr>"
        )
    return (
        '<div class="otr-scroll"><table class="otr-table otr-problems"><thead><tr><th>Where</th><th>Field</th>'
        f"<th>What is wrong</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _items(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


# A run -----------------------------------------------------------------------------------------------------------------


def run_html(run: Run) -> str:
    """What was run and the figures: all of them, by category, what failed, and two plots of the confidence."""
    parts = [_about_html(run)]
    if run.summary is None:
        wanted = run.description["identity"]["suite"]["questions"] * run.description["identity"]["trials"]
        parts.append(
            f'<p class="otr-note">Unfinished: {len(run.records)} of {wanted} answers. Choose its suite above and '
            "press Run to go on; figures come when it is finished.</p>"
        )
        return "".join(parts)
    primary = run.summary["primary_metric"]
    parts += [
        '<h3 class="otr-h">All questions</h3>',
        _metrics_html(run.summary["metrics"], primary),
        _stages_html(run.records),
        _categories_html(run.summary["by_category"], primary),
        _plots_html(run.records),
    ]
    return f'<div class="otr-run">{"".join(parts)}</div>'


def _about_html(run: Run) -> str:
    identity = run.description["identity"]
    environment = run.description.get("environment", {})
    suite, summary = identity["suite"], run.summary
    sentence = f"{suite['questions']} questions"
    if summary is not None:
        states = summary["states"]
        parts = [f"{states['answered']} answered", f"{states['no_answer']} declined"]
        parts += [f"{states['error']} crashed"] if states["error"] else []
        parts += [f"{states['timeout']} past the time limit"] if states["timeout"] else []
        sentence += ": " + ", ".join(parts)
        latency = summary["latency_ms"]
        if latency["p50"] is not None:
            sentence += (
                f". {_time(latency['p50'])} for a question (median), {_time(latency['p95'])} at most for 95 %"
            )
    digests = (
        f"suite {suite['digest'][:8]} · documents {identity['corpus']['digest'][:8]} · "
        f"settings {identity['settings_digest'][:8]}"
    )
    version = f", version {suite['version']}" if suite.get("version") else ""
    sample = identity["sample"]
    drawn = f" · a sample of {sample['size']} (seed {sample['seed']})" if sample else ""
    facts = [
        f"answerer {identity['system'].get('answerer', '?')}",
        str(environment.get("started", ""))[:16].replace("T", " ") + " UTC",
        digests,
    ]
    report = ""
    if summary is not None:
        url = f"/run/{url_quote(run.name, safe='')}/report"
        report = f'<p class="otr-facts"><a href="{url}" target="_blank" rel="noopener">The report as one page</a></p>'
    return (
        f'<div class="otr-about"><h2>{escape(str(suite["name"]) + version)}</h2><p>{escape(sentence + drawn)}.</p>'
        f'<p class="otr-facts">{escape(" · ".join(facts))}</p>{report}</div>'
    )


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _metrics_html(metrics: Mapping[str, Any], primary: str | None) -> str:
    from evals.measures import MEASURES

    rows = []
    # The one that the suite is about first, then whether answers were right, then as the bench lists them.
    listed = sorted(
        metrics, key=lambda each: list(MEASURES).index(each) if each in MEASURES else len(MEASURES)
    )
    measured = [name for name in listed if metrics[name]["value"] is not None]
    for name in sorted(measured, key=lambda each: (each != primary, each != "accuracy")):
        measure = MEASURES.get(name)
        says = measure.says if measure else ""
        lower = measure is not None and not measure.higher_is_better
        curve = measure is not None and (measure.kind == "curve" or name == "brier")
        star = ' <span class="otr-primary">primary</span>' if name == primary else ""
        rows.append(
            f"<tr><td><strong>{escape(name)}</strong>{star}<br><span>{escape(says)}"
            f"{'; lower is better' if lower else ''}</span></td>{_cells(metrics[name], percent=not curve)}</tr>"
        )
    missing = [name for name in listed if metrics[name]["value"] is None]
    left_out = (
        f'<p class="otr-note">Not measured, because no question defines it: {escape(", ".join(missing))}.</p>'
        if missing
        else ""
    )
    return _metric_table("Metric", rows) + left_out


def _metric_table(first: str, rows: Sequence[str]) -> str:
    return (
        f'<div class="otr-scroll"><table class="otr-table otr-figures"><thead><tr><th>{first}</th>'
        '<th class="otr-count">Value</th><th class="otr-count">Of</th><th>95 % interval</th>'
        f'<th aria-hidden="true"></th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cells(entry: Mapping[str, Any], *, percent: bool = True) -> str:
    if entry["value"] is None:
        return '<td class="otr-count">–</td><td class="otr-count">0</td><td>–</td><td></td>'
    number = (lambda value: f"{100 * value:.1f}") if percent else (lambda value: f"{value:.3f}")
    unit = " %" if percent else ""
    count = entry.get("count")
    of = str(entry["n"]) if count is None else f"{count:g} of {entry['n']}"
    interval = "–" if entry["low"] is None else f"{number(entry['low'])} – {number(entry['high'])}{unit}"
    return (
        f'<td class="otr-count otr-value">{number(entry["value"])}{unit}</td><td class="otr-count">{of}</td>'
        f'<td class="otr-interval">{interval}</td><td>{_interval_svg(entry)}</td>'
    )


def _interval_svg(entry: Mapping[str, Any]) -> str:
    """The value and its interval on a line from 0 to 1; the same figures stand beside it as text."""
    x = [2 + 116 * min(1.0, max(0.0, entry[name] or 0.0)) for name in ("value", "low", "high")]
    bar = (
        ""
        if entry["low"] is None
        else f'<line class="spread" x1="{x[1]:.1f}" y1="7" x2="{x[2]:.1f}" y2="7"/>'
    )
    return (
        '<svg class="otr-spread" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">'
        f'<line x1="2" y1="7" x2="118" y2="7"/>{bar}<circle cx="{x[0]:.1f}" cy="7" r="3.5"/></svg>'
    )


def _stages_html(records: Sequence[Record]) -> str:
    counts = stages(records)
    if not counts:
        return ""
    parts = [f"<strong>{count}</strong> {escape(stage)}" for stage, count in counts.items()]
    return f'<p class="otr-note otr-failed">What failed: {", ".join(parts)}. See Questions.</p>'


def stages(records: Sequence[Record]) -> dict[str, int]:
    """How many questions failed at each stage that any failed at, in the order of the stages."""
    from evals.score import STAGES

    counts = {stage: sum(record["stage"] == stage for record in records) for stage in STAGES}
    return {stage: count for stage, count in counts.items() if count}


def _categories_html(categories: Mapping[str, Any], primary: str | None) -> str:
    """One line a category with its accuracy; opened, every figure of it."""
    if not categories:
        return ""
    none = {"value": None, "n": 0, "low": None, "high": None}
    rows = [
        f"<tr><td><strong>{escape(name)}</strong></td>{_cells(found.get('accuracy', none))}</tr>"
        for name, found in categories.items()
    ]
    every = "".join(
        f"<details><summary>{escape(name)}</summary>{_metrics_html(found, primary)}</details>"
        for name, found in categories.items()
    )
    return (
        '<h3 class="otr-h">Accuracy by category</h3>'
        + _metric_table("Category", rows)
        + f'<details class="otr-more"><summary>Every figure of each category</summary>{every}</details>'
    )


def _plots_html(records: Sequence[Record]) -> str:
    from evals import plots
    from evals.score import confidence_pairs

    pairs = confidence_pairs(records)
    if not pairs:
        return ""
    return (
        '<h3 class="otr-h">Can its confidence be trusted?</h3><div class="otr-plots"><figure>'
        f"{plots.risk_coverage(pairs, len(records))}<figcaption>Wrong answers among the most confident, against how many "
        "are answered. A good line starts low and rises late.</figcaption></figure><figure>"
        f"{plots.reliability(pairs)}<figcaption>How often it is right at each confidence, with 95 % intervals. On the "
        "dashed line its confidence means what it says.</figcaption></figure></div>"
    )


# Questions -------------------------------------------------------------------------------------------------------------


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
        items = _items([f"{part['text']} ({part['reason']})" for part in withheld])
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
        parts.append(_items([f"{each['text']} ({each['importance']})" for each in gold["nuggets"]]))
    for place in gold["evidence"]:
        parts.append(
            f'<blockquote class="otr-context">{escape(place["quote"])}</blockquote>'
            f'<p class="otr-facts">{_place(run, place, place["document_id"])}</p>'
        )
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


# Two runs --------------------------------------------------------------------------------------------------------------

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
    rows = [_comparison_row(name, row, name == primary) for name, row in result["metrics"].items()]
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
    star = ' <span class="otr-primary">primary</span>' if primary else ""
    return (
        f'<tr><td><strong>{escape(name)}</strong>{star}</td><td class="otr-count">{row["n"]}</td>'
        f'<td class="otr-count">{100 * row["a"]:.1f}</td><td class="otr-count">{100 * row["b"]:.1f}</td>'
        f'<td class="otr-count">{_points(row["difference"])}</td><td class="otr-interval">{interval}</td>'
        f'<td class="otr-count">{p:.3f}</td><td>{escape(row["verdict"])}</td></tr>'
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
