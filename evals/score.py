"""From answers to scores: every metric of one question with its reasons, then a run's summary with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from evals import metrics, risk
from evals.measures import MEASURES, Measure
from evals.retrieval_metrics import span_scores
from evals.statistics import Interval, clusters_of, curve_interval, mean_interval, rate_interval
from evals.suite import Gold, Item
from evals.text import contains_any
from rag.types import Span

Record = dict[str, Any]
Scores = Mapping[str, float | None]

CONTEXT = 160  # characters kept on either side of a quote, for the reports
LEAST_FOR_CURVE = 20  # answers; the bootstrap of a curve over fewer says nothing
STAGES = (
    "not retrieved",
    "retrieved but not chosen",
    "wrong span",
    "wrongly declined",
    "wrongly answered",
    "failed",
)


def score_question(
    item: Item,
    gold: Sequence[Gold],
    state: str,
    ask: Mapping[str, Any] | None,
    text_of: metrics.TextOf,
) -> dict[str, Any]:
    """Every metric of one question: `scores` (None: not defined for it), `why`, `counts` behind the pooled ones, and
    the `stage` that failed (None: it was answered rightly, or nothing tells).

    `ask` is None for the states `error` and `timeout`.
    """
    printed = metrics.NOTHING if ask is None else ask
    recall, everything, reciprocal = span_scores(item, gold, printed["hits"])
    precision, citation_recall, support = metrics.citation_scores(item, gold, printed)
    good, quotes = metrics.quotes_verbatim(printed, text_of)
    scores: dict[str, float | None] = {
        "answer_em": metrics.answer_em(item, printed),
        "answer_f1": metrics.answer_f1(item, printed),
        "answer_contains": metrics.answer_contains(item, printed),
        "nugget_recall": metrics.nugget_recall(item, printed),
        "quote_verbatim": good / quotes if quotes else None,
        "citation_precision": precision,
        "citation_recall": citation_recall,
        "rejection_rate": metrics.rejection(item, printed),
        "over_refusal": metrics.over_refusal(item, printed),
        "speaker_accuracy": metrics.speaker_accuracy(item, gold, printed),
        "disagreement_accuracy": metrics.disagreement_accuracy(item, printed),
        "forbidden_rate": metrics.forbidden_rate(item, printed),
        "recall@10": recall,
        "all@10": everything,
        "mrr@10": reciprocal,
        "nugget_recall_all": metrics.nugget_recall(item, printed, vital_only=False),
        "citation_support": support,
    }
    scores["accuracy"] = metrics.accuracy(item, scores, printed)
    return {
        "scores": {name: None if value is None else round(value, 6) for name, value in scores.items()},
        "why": _why(item, gold, state, scores, printed),
        "counts": {"quote_verbatim": [good, quotes]},
        "stage": _stage(item, state, scores),
    }


def _why(
    item: Item, gold: Sequence[Gold], state: str, scores: Scores, printed: Mapping[str, Any]
) -> dict[str, str]:
    """A reason for every score that is not the best possible one."""
    if state in {"error", "timeout"}:
        reason = "the system failed on the question" if state == "error" else "the time limit passed"
        return {name: reason for name, value in scores.items() if value is not None}
    accepted = " | ".join(answer[0] for answer in item.answers or ())
    declined = state == "no_answer"
    predicted = "it declined" if declined else f"{_short(metrics.prediction(printed))!r}"
    cited = f"{len(printed['citations'])} citations against {len(item.evidence)} pieces of gold evidence"
    speakers = {
        entry["speaker"] for entry in (*printed["statements"], *printed["citations"]) if entry["speaker"]
    }
    told = (printed.get("disagreement") or {"kind": "none"})["kind"]
    texts = {
        "answer_em": f"{predicted}, accepted: {accepted}",
        "answer_f1": f"{predicted}, accepted: {accepted}",
        "answer_contains": f"{predicted}, accepted: {accepted}",
        "nugget_recall": "not stated: " + "; ".join(_missing_nuggets(item, printed, "vital")),
        "nugget_recall_all": "not stated: " + "; ".join(_missing_nuggets(item, printed, "vital", "okay")),
        "quote_verbatim": "a printed quote is not the text at its offsets",
        "citation_precision": cited,
        "citation_recall": "it declined" if declined else cited,
        "citation_support": cited,
        "rejection_rate": f"unanswerable, but it answered {predicted}",
        "over_refusal": f"answerable, but it declined ({printed.get('reason')})",
        "speaker_accuracy": f"named {', '.join(speakers) or 'nobody'}, gold: {item.speaker}",
        "disagreement_accuracy": f"told {told!r}, gold: {item.disagreement!r}",
        "forbidden_rate": "states " + ", ".join(map(repr, metrics.forbidden_found(item, printed, "fail"))),
        "recall@10": "gold evidence is missing from the first ten passages",
        "all@10": "gold evidence is missing from the first ten passages",
        "mrr@10": "the first passage does not hold gold evidence",
        "accuracy": "wrong" if state == "answered" else "declined",
    }
    why = {}
    for name, value in scores.items():
        if value is not None and value != (1.0 if MEASURES[name].higher_is_better else 0.0):
            why[name] = texts[name]
    warned = metrics.forbidden_found(item, printed, "warn")
    if warned:
        why["warning"] = "states " + ", ".join(map(repr, warned))
    return why


def _missing_nuggets(item: Item, printed: Mapping[str, Any], *kinds: str) -> list[str]:
    texts = metrics.stated(printed)
    return [
        nugget.text
        for nugget in item.nuggets or ()
        if nugget.importance in kinds and not contains_any(texts, nugget.any, item.lang)
    ]


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _stage(item: Item, state: str, scores: Scores) -> str | None:
    """Where it went wrong, the earliest stage that explains it; None where nothing did."""
    if state in {"error", "timeout"}:
        return "failed"
    if scores["accuracy"] is None or scores["accuracy"] == 1:
        return None
    if not item.answerable:
        return "wrongly answered"
    if scores["all@10"] == 0:
        return "not retrieved"
    if state == "no_answer":
        return "wrongly declined"
    return "retrieved but not chosen" if scores["citation_recall"] == 0 else "wrong span"


def contexts(ask: Mapping[str, Any] | None, text_of: metrics.TextOf) -> list[dict[str, Any]]:
    """What stands before and after each printed quote, so that reports need no library."""
    found = []
    for citation in () if ask is None else ask["citations"]:
        text = text_of(citation["document_id"]) or ""
        start, end = citation["start"], citation["end"]
        found.append(
            {
                "marker": citation["marker"],
                "before": text[max(0, start - CONTEXT) : start],
                "after": text[end : end + CONTEXT],
            }
        )
    return found


def gold_json(item: Item, gold: Sequence[Gold]) -> dict[str, Any]:
    """The gold of a question as the record keeps it, so that reports and comparisons need no suite."""
    places: list[Span] = [piece.places[0] for piece in gold]
    return {
        "answerable": item.answerable,
        "answers": None if item.answers is None else [list(answer) for answer in item.answers],
        "nuggets": None
        if item.nuggets is None
        else [{"text": nugget.text, "importance": nugget.importance} for nugget in item.nuggets],
        "evidence": [
            {"document_id": piece.document_id, "start": place.start, "end": place.end, "quote": piece.quote}
            for piece, place in zip(gold, places, strict=True)
        ],
        "evidence_sets": [list(chosen) for chosen in item.evidence_sets],
        "speaker": item.speaker,
        "disagreement": item.disagreement,
    }


# Summaries ----------------------------------------------------------------------------------------------------------


def by_question(records: Sequence[Record]) -> list[list[Record]]:
    """Records of the same question (its trials) together, questions in order of first sight."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["id"], []).append(record)
    return list(found.values())


def question_value(trials: Sequence[Record], name: str) -> float | None:
    """Mean of a metric over the trials of one question in which it is defined; None where it never is."""
    values = [record["scores"][name] for record in trials if record["scores"].get(name) is not None]
    return sum(values) / len(values) if values else None


def confidence_pairs(records: Sequence[Record]) -> list[risk.Pair]:
    """(confidence, correct) of the answered records that have both."""
    return [
        (record["ask"]["confidence"], record["scores"]["accuracy"])
        for record in records
        if record["state"] == "answered"
        and record["ask"]["confidence"] is not None
        and record["scores"]["accuracy"] is not None
    ]


_CURVES: dict[str, Callable[[risk.Pairs], float | None]] = {
    "aurc": risk.aurc,
    "e_aurc": risk.e_aurc,
    "brier": risk.brier,
}


def summarise(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Every metric as {"value", "n", "low", "high"} at 95 %; value None and n 0 where no question defines it.

    n counts questions; for `quote_verbatim` printed quotes, for the confidence metrics answers. Questions of one
    cluster are taken together (see `evals.statistics`). Confidence metrics have no interval below twenty answers.
    """
    questions = by_question(records)
    return {name: _metric(measure, questions) for name, measure in MEASURES.items()}


def _metric(measure: Measure, questions: Sequence[Sequence[Record]]) -> dict[str, Any]:
    if measure.name in _CURVES:
        return _curve(_CURVES[measure.name], questions)
    if measure.kind == "share":
        return _share(measure.name, questions)
    values, names = [], []
    for trials in questions:
        value = question_value(trials, measure.name)
        if value is not None:
            values.append(value)
            names.append(trials[0]["cluster"])
    if not values:
        return _entry(None, 0, None)
    # Where every question has the same value a bootstrap has no spread: the wider interval of a rate stands in.
    as_rate = measure.kind == "rate" or len(set(values)) == 1
    interval = (rate_interval if as_rate else mean_interval)(values, clusters_of(names))
    entry = _entry(sum(values) / len(values), len(values), interval)
    if measure.kind == "rate":
        entry["count"] = round(sum(values), 6)
    return entry


def _share(name: str, questions: Sequence[Sequence[Record]]) -> dict[str, Any]:
    values: list[float] = []
    names: list[str] = []
    for trials in questions:
        for record in trials:
            good, total = record["counts"][name]
            values += [1.0] * good + [0.0] * (total - good)
            names += [record["cluster"] or f"question {record['id']}"] * total
    if not values:
        return _entry(None, 0, None)
    entry = _entry(sum(values) / len(values), len(values), rate_interval(values, clusters_of(names)))
    return entry | {"count": sum(values)}


def _curve(
    statistic: Callable[[risk.Pairs], float | None], questions: Sequence[Sequence[Record]]
) -> dict[str, Any]:
    pairs: list[risk.Pair] = []
    names: list[str] = []
    for trials in questions:
        found = confidence_pairs(trials)
        pairs += found
        names += [trials[0]["cluster"] or f"question {trials[0]['id']}"] * len(found)
    rows = np.array(pairs, dtype=float).reshape(-1, 2)
    interval = None
    if len(rows) >= LEAST_FOR_CURVE:
        interval = curve_interval(lambda chosen: statistic(rows[chosen]), clusters_of(names))
    return _entry(statistic(rows), len(rows), interval)


def _entry(value: float | None, n: int, interval: Interval | None) -> dict[str, Any]:
    return {
        "value": None if value is None else round(value, 6),
        "n": n,
        "low": None if interval is None else round(interval.low, 6),
        "high": None if interval is None else round(interval.high, 6),
    }


def categories(records: Sequence[Record]) -> dict[str, dict[str, dict[str, Any]]]:
    """The summary of each category by its name; metrics that no question of it defines are left out."""
    names = sorted({record["category"] for record in records if record["category"] is not None})
    found = {}
    for name in names:
        summary = summarise([record for record in records if record["category"] == name])
        found[name] = {metric: entry for metric, entry in summary.items() if entry["n"]}
    return found
