"""`eval reading`: the built-in reader on SQuAD files, one question on its own paragraph, scored as the official scripts.

The article's title goes with the paragraph, as a document's does in the app.

A 2.0 file (some questions are impossible) is scored as evaluate-v2.0.py: below the threshold the prediction is empty;
an impossible question is right only when the prediction is empty. A file without impossible questions forces an
answer, and is scored as evaluate-v1.1.py unless it says that it is of version 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from evals.metrics import exact_match, token_f1
from evals.squad import SquadFile, SquadQuestion
from evals.text import normalise
from rag.settings import Settings
from rag.types import Span

Report = Callable[[int, int], None]


class Reader(Protocol):
    """What `rag.answer.passage.PassageReader` has: its best span of a text whatever the confidence, and that."""

    @property
    def threshold(self) -> float: ...

    def read(self, question: str, text: str, title: str = "") -> tuple[Span | None, float]: ...


@dataclass(frozen=True, slots=True)
class Prediction:
    text: str
    confidence: float


def built_in_reader(settings: Settings) -> Reader:
    from rag.answer.passage import PassageReader

    return PassageReader(settings.answer)


def squad_scores(prediction: str, question: SquadQuestion, *, version_2: bool) -> tuple[float, float]:
    """(EM, F1) of one prediction as the official script of the version gives them, in [0, 1].

    2.0: accepted answers that normalise to nothing are dropped; none left (or an impossible question) means that only
    an empty prediction scores. 1.1 keeps them, and its F1 is 0 wherever no token is shared, also for two empty sides.
    Always English rules, as the scripts (and XQuAD's evaluation) have it.
    """
    if version_2:
        golds = [answer for answer in question.answers if normalise(answer)] or [""]
        return max(exact_match(prediction, gold) for gold in golds), max(
            token_f1(prediction, gold) for gold in golds
        )
    em = max(exact_match(prediction, gold) for gold in question.answers)
    f1 = max(token_f1(prediction, gold) if normalise(gold) else 0.0 for gold in question.answers)
    return em, f1


def measure(squad: SquadFile, reader: Reader, report: Report | None = None) -> dict[str, Any]:
    """Ask everything, give the contract's object."""
    started = time.perf_counter()
    predictions = []
    for done, question in enumerate(squad.questions, start=1):
        title = question.title.replace("_", " ")
        span, confidence = reader.read(question.question, question.context, title)
        predictions.append(Prediction("" if span is None else span.of(question.context), confidence))
        if report is not None:
            report(done, len(squad.questions))
    seconds = time.perf_counter() - started
    return score(squad, predictions, reader.threshold) | {
        "questions_per_second": round(len(predictions) / seconds, 2) if seconds else None
    }


def score(squad: SquadFile, predictions: Sequence[Prediction], threshold: float) -> dict[str, Any]:
    """Everything of the contract's object but the speed. em, f1 and accuracy in 0–100; None where nothing is measured.

    `best` is the greatest F1 over all thresholds *on these very questions*, so an optimistic bound, and the threshold
    that gives it; `auroc` says how well the confidence tells answerable from impossible (ties count half).
    """
    declines = squad.unanswerable
    forced = [
        squad_scores(each.text, question, version_2=squad.version_2)
        for each, question in zip(predictions, squad.questions, strict=True)
    ]
    scored = [
        squad_scores("", question, version_2=True) if declines and each.confidence < threshold else values
        for each, question, values in zip(predictions, squad.questions, forced, strict=True)
    ]
    possible = [
        values for values, question in zip(scored, squad.questions, strict=True) if not question.impossible
    ]
    impossible = [
        values for values, question in zip(scored, squad.questions, strict=True) if question.impossible
    ]
    return {
        "n": len(scored),
        "em": _mean([em for em, _ in scored]),
        "f1": _mean([f1 for _, f1 in scored]),
        "has_answer": {
            "n": len(possible),
            "em": _mean([em for em, _ in possible]),
            "f1": _mean([f1 for _, f1 in possible]),
        },
        "no_answer": {"n": len(impossible), "accuracy": _mean([em for em, _ in impossible])},
        "auroc": _auroc(squad, predictions),
        "best": _best(squad, predictions, [f1 for _, f1 in forced])
        if declines
        else {"f1": None, "threshold": None},
        "threshold": threshold if declines else None,
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(100 * sum(values) / len(values), 4) if values else None


def _auroc(squad: SquadFile, predictions: Sequence[Prediction]) -> float | None:
    possible = [not question.impossible for question in squad.questions]
    if all(possible) or not any(possible):
        return None
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(possible, [each.confidence for each in predictions])), 6)


def _best(
    squad: SquadFile, predictions: Sequence[Prediction], forced: Sequence[float]
) -> dict[str, float | None]:
    """Greatest mean F1 over the thresholds, answering from the most confident down; equal confidences go together."""
    empty = np.array([squad_scores("", question, version_2=True)[1] for question in squad.questions])
    confidence = np.array([each.confidence for each in predictions])
    order = np.argsort(-confidence, kind="stable")
    gains = np.cumsum(np.asarray(forced)[order] - empty[order])
    ends = np.append(
        confidence[order][1:] != confidence[order][:-1], True
    )  # the last of each group of equals
    totals = empty.sum() + np.concatenate([[0.0], gains[ends]])
    thresholds: list[float | None] = [None, *confidence[order][ends].tolist()]
    best = int(np.argmax(totals))
    return {"f1": round(100 * float(totals[best]) / len(predictions), 4), "threshold": thresholds[best]}


def table(result: dict[str, Any]) -> str:
    """For a terminal."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    lines = [
        f"{result['n']} questions, {shown(result['questions_per_second'])} a second",
        f"EM {shown(result['em'])}, F1 {shown(result['f1'])}",
        f"answerable ({result['has_answer']['n']}): EM {shown(result['has_answer']['em'])}, "
        f"F1 {shown(result['has_answer']['f1'])}",
    ]
    if result["no_answer"]["n"]:
        lines += [
            f"impossible ({result['no_answer']['n']}): {shown(result['no_answer']['accuracy'])} declined, "
            f"at the threshold {result['threshold']:.4f}",
            f"AUROC {result['auroc'] if result['auroc'] is not None else '-'}; best F1 on these questions "
            f"{shown(result['best']['f1'])} at {result['best']['threshold']}",
        ]
    return "\n".join(lines) + "\n"
