"""Checks of suites, progress and the figures of a run as HTML. All text passes `rag.html`, which escapes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

from rag.html import escape
from ui.bench import State
from ui.question_html import items_html, stages
from ui.runs import Run

if TYPE_CHECKING:
    from evals.lint import Checked

Record = dict[str, Any]


# What is going on ------------------------------------------------------------------------------------------------------


def state_html(state: State, *, stopping: bool = False) -> str:
    """The progress of a run, or how the last one ended; nothing where there was none."""
    if state.running:
        return _progress_html(state, stopping)
    if not state.message:
        return ""
    notes = items_html(state.notes)
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
    errors = len(checked.errors)
    if errors:
        said = f"{errors} problem{'' if errors == 1 else 's'} in {escape(str(checked.folder))}"
    else:
        count = f"{checked.questions} question{'' if checked.questions == 1 else 's'}"
        said = f"{escape(str(checked.folder))}: {count}, nothing wrong. It is in the list now."
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

    def number(value: float) -> str:
        return f"{100 * value:.1f}" if percent else f"{value:.3f}"

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
    x = [4 + 112 * min(1.0, max(0.0, entry[name] or 0.0)) for name in ("value", "low", "high")]
    bar = (
        ""
        if entry["low"] is None
        else f'<line class="spread" x1="{x[1]:.1f}" y1="7" x2="{x[2]:.1f}" y2="7"/>'
    )
    return (
        '<svg class="otr-spread" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">'
        f'<line x1="4" y1="7" x2="116" y2="7"/>{bar}<circle cx="{x[0]:.1f}" cy="7" r="3.5"/></svg>'
    )


def _stages_html(records: Sequence[Record]) -> str:
    counts = stages(records)
    if not counts:
        return ""
    parts = [f"<strong>{count}</strong> {escape(stage)}" for stage, count in counts.items()]
    return f'<p class="otr-note otr-failed">What failed: {", ".join(parts)}. See Questions.</p>'


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
