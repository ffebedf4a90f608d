"""Two runs of one suite, question by question: is B better than A, worse, or can nobody tell?

Pairs are the same question in both runs (trials averaged). For each metric: the mean difference B - A with a paired
bootstrap interval over whole clusters, a sign-flip test (rates without clusters: exact McNemar), and the least
difference that this many questions could have shown, which is printed before the verdict. The primary metric (of
suite.yaml, else the first of `answer_f1`, `accuracy`, … that the suite scores) is named before anything is compared
and tested alone; every other metric's p is corrected by Holm over those others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evals.measures import MEASURES, Measure
from evals.score import Record, by_question, question_value
from evals.statistics import clusters_of, detectable, holm, mcnemar, mean_interval, sign_flip
from evals.store import RunFolder
from evals.ways import RunWay
from rag.errors import UsageError
from rag.wording import Phrase

ALPHA = 0.05
FEW_CLUSTERS = 10  # below this a clustered interval is not to be believed
Verdict = Literal["better", "worse", "cannot tell"]
_PRIMARY_ORDER = ("answer_f1", "accuracy", "nugget_recall", "citation_recall", "recall@10", "rejection_rate")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run as a comparison needs it."""

    folder: Path
    identity: dict[str, Any]
    questions: dict[str, list[Record]]
    failed: int


def load_run(path: Path) -> Run:
    """Raises UsageError where `path` holds no run, an unfinished one, or one that never ran (every question failed)."""
    folder = RunFolder(path)
    description, summary = folder.description(), folder.summary()
    if description is None:
        raise UsageError("there is no run here (no run.json)", where=str(path), next_step="name a run folder")
    records = folder.records()
    if summary is None or len(records) != summary["wanted"]:
        there = f"{len(records)} results" + (f" of {summary['wanted']}" if summary else "")
        raise UsageError(
            f"the run is unfinished ({there})",
            where=str(path),
            next_step=RunWay.FINISH,
        )
    failed = sum(record["state"] in {"error", "timeout"} for record in records)
    if failed == len(records):
        raise UsageError(
            "the system failed on every question, so nothing was measured",
            where=str(path),
            next_step=Phrase(RunWay.SEE_ERRORS, ", then ", RunWay.RETRY),
        )
    return Run(
        path, description["identity"], {group[0]["id"]: group for group in by_question(records)}, failed
    )


def require_same(first: Run, second: Run) -> None:
    """Raises UsageError, with the reason, where two runs are not of the same questions and documents."""
    one, other = first.identity, second.identity
    reason = None
    if one["suite"]["digest"] != other["suite"]["digest"]:
        names = [f"{run['suite']['name']} {run['suite']['digest'][:8]}" for run in (one, other)]
        reason = f"the suites differ ({names[0]} and {names[1]})"
    elif one["corpus"]["digest"] != other["corpus"]["digest"]:
        digests = [run["corpus"]["digest"][:8] for run in (one, other)]
        reason = f"the corpora differ ({digests[0]} and {digests[1]})"
    elif one["sample"] != other["sample"] or first.questions.keys() != second.questions.keys():
        reason = "the questions differ (other samples)"
    if reason is not None:
        raise UsageError(
            f"the runs cannot be compared: {reason}",
            where=f"{first.folder} and {second.folder}",
            next_step="run both on the same suite, corpus and sample",
        )


def compare(first: Run, second: Run) -> dict[str, Any]:
    """The comparison as the JSON of `eval compare`; "better" means that `second` (B) is better than `first` (A)."""
    require_same(first, second)
    rows = {
        name: row for name, measure in MEASURES.items() if (row := _row(measure, first, second)) is not None
    }
    primary = _primary(first, rows)
    others = [name for name in rows if name != primary]
    for name, adjusted in zip(others, holm([rows[name]["p"] for name in others]), strict=True):
        rows[name]["p_holm"] = adjusted
    for name, row in rows.items():
        row["verdict"] = _verdict(MEASURES[name], row)
    head = rows.get(primary) if primary else None
    return {
        "a": str(first.folder),
        "b": str(second.folder),
        "suite": first.identity["suite"]["name"],
        "questions": len(first.questions),
        "clusters": _cluster_count(first),
        "failed": {"a": first.failed, "b": second.failed},
        "primary_metric": primary,
        "detectable_difference": head["detectable_difference"] if head else None,
        "verdict": head["verdict"] if head else "cannot tell",
        "n": head["n"] if head else 0,
        "metrics": rows,
        "changed": changed_questions(first, second),
        "notes": _notes(first, second, rows, primary),
    }


def _cluster_count(run: Run) -> int:
    names = [group[0]["cluster"] for group in run.questions.values()]
    return int(clusters_of(names).max()) + 1 if names else 0


def _primary(run: Run, rows: dict[str, Any]) -> str | None:
    named = run.identity["suite"].get("primary_metric")
    if named in rows:
        return str(named)
    return next((name for name in _PRIMARY_ORDER if name in rows), None)


def _row(measure: Measure, first: Run, second: Run) -> dict[str, Any] | None:
    """One metric's paired comparison; None where no question has it in both runs (and for whole-run curves)."""
    if measure.kind == "curve":
        return None
    a: list[float] = []
    b: list[float] = []
    names: list[str | None] = []
    only = [0, 0]
    for identity, trials in first.questions.items():
        x, y = question_value(trials, measure.name), question_value(second.questions[identity], measure.name)
        if x is not None and y is not None:
            a.append(x)
            b.append(y)
            names.append(trials[0]["cluster"])
        else:
            only[0] += x is not None
            only[1] += y is not None
    if not a:
        return None
    clusters = clusters_of(names)
    differences = [y - x for x, y in zip(a, b, strict=True)]
    interval = mean_interval(differences, clusters)
    binary = all(value in (0.0, 1.0) for value in (*a, *b))
    lost, won = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    clustered = int(clusters.max()) + 1 < len(a)
    if binary and not clustered:
        test, p = "mcnemar_exact", mcnemar(a, b)[0]
    else:
        test, p = "sign_flip_clusters" if clustered else "sign_flip", sign_flip(differences, clusters)
    return {
        "n": len(a),
        "clusters": int(clusters.max()) + 1,
        "a": round(sum(a) / len(a), 6),
        "b": round(sum(b) / len(b), 6),
        "difference": round(sum(differences) / len(a), 6),
        "low": None if interval is None else round(interval.low, 6),
        "high": None if interval is None else round(interval.high, 6),
        "detectable_difference": _rounded(detectable(differences, clusters)),
        "higher": won,
        "lower": lost,
        "only_in_a": only[0],
        "only_in_b": only[1],
        "test": test,
        "p": p,
        "p_holm": None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _verdict(measure: Measure, row: dict[str, Any]) -> Verdict:
    p = row["p"] if row["p_holm"] is None else row["p_holm"]
    if p >= ALPHA or row["difference"] == 0:
        return "cannot tell"
    return "better" if (row["difference"] > 0) == measure.higher_is_better else "worse"


def changed_questions(first: Run, second: Run) -> list[dict[str, Any]]:
    """Questions whose correctness, state or failed stage differs, with both answers; in the suite's order."""
    found = []
    for identity, trials in first.questions.items():
        old, new = trials[0], second.questions[identity][0]
        before, after = (
            question_value(trials, "accuracy"),
            question_value(second.questions[identity], "accuracy"),
        )
        if (before, old["state"], old["stage"]) == (after, new["state"], new["stage"]):
            continue
        found.append(
            {
                "id": identity,
                "question": old["question"],
                "category": old["category"],
                "a": _side(old, before),
                "b": _side(new, after),
            }
        )
    return found


def _side(record: Record, correct: float | None) -> dict[str, Any]:
    ask = record["ask"]
    return {
        "state": record["state"],
        "correct": correct,
        "stage": record["stage"],
        "answer": ask["answer"] if ask else record["error"],
    }


def _notes(first: Run, second: Run, rows: dict[str, Any], primary: str | None) -> list[str]:
    notes = []
    if first.failed or second.failed:
        notes.append(f"failed questions count as wrong: {first.failed} in A, {second.failed} in B")
    count = _cluster_count(first)
    if count < FEW_CLUSTERS:
        notes.append(
            f"only {count} clusters: intervals are not to be believed, treat this suite as a regression test"
        )
    if first.identity["system"] == second.identity["system"] and (
        first.identity["settings_digest"] == second.identity["settings_digest"]
    ):
        notes.append("A and B are the same system with the same settings: any difference is noise")
    excluded = {
        name: row["only_in_a"] + row["only_in_b"]
        for name, row in rows.items()
        if row["only_in_a"] + row["only_in_b"]
    }
    if excluded:
        listed = ", ".join(f"{name} {count}" for name, count in excluded.items())
        notes.append(f"questions with a value in one run only are in no pair: {listed}")
    if (
        primary
        and rows[primary]["test"] == "mcnemar_exact"
        and rows[primary]["higher"] + rows[primary]["lower"] < 6
    ):
        notes.append("fewer than six questions changed: no test of a rate can then reach p < .05")
    return notes


def table(result: dict[str, Any], names: Sequence[str] | None = None) -> str:
    """The comparison for a terminal: the detectable difference first, then the metrics, then the verdict."""
    primary = result["primary_metric"]
    least = result["detectable_difference"]
    lines = [
        f"A  {result['a']}",
        f"B  {result['b']}",
        f"{result['questions']} questions in {result['clusters']} clusters; primary metric {primary or 'none'}",
        "least difference that this many questions show in 4 of 5 cases: "
        + ("not known, no question differs" if least is None else f"{100 * least:.1f} points of {primary}"),
        "",
        f"{'metric':<22}{'n':>6}{'A':>9}{'B':>9}{'B - A':>9}   {'95 % interval':<18}{'p':>9}  verdict",
    ]
    for name, row in result["metrics"].items():
        if names is not None and name not in names:
            continue
        interval = "-" if row["low"] is None else f"[{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]"
        p = row["p"] if row["p_holm"] is None else row["p_holm"]
        lines.append(
            f"{name + (' *' if name == primary else ''):<22}{row['n']:>6}{100 * row['a']:>9.1f}{100 * row['b']:>9.1f}"
            f"{100 * row['difference']:>+9.1f}   {interval:<18}{p:>9.4f}  {row['verdict']}"
        )
    lines += ["", "p: primary metric (*) as it is, the others corrected by Holm"]
    lines += [f"note: {note}" for note in result["notes"]]
    verdict = {
        "better": f"B is better at n={result['n']}",
        "worse": f"B is worse at n={result['n']}",
        "cannot tell": f"cannot tell at n={result['n']}",
    }
    return "\n".join([*lines, "", verdict[result["verdict"]]]) + "\n"


def changed_table(result: dict[str, Any]) -> str:
    """The questions that changed, with both answers, for a terminal."""
    lines = ["", f"{len(result['changed'])} questions changed"]
    for entry in result["changed"]:
        lines += ["", f"{entry['id']}  {entry['question']}"]
        for side in ("a", "b"):
            found = entry[side]
            judged = (
                "not judged" if found["correct"] is None else "right" if found["correct"] == 1 else "wrong"
            )
            stage = f" ({found['stage']})" if found["stage"] else ""
            answer = " ".join(str(found["answer"] or "").split())
            lines.append(f"  {side.upper()} {judged}{stage}: {answer[:160]}")
    return "\n".join(lines) + "\n"
