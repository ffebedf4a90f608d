"""The names of everything the bench measures: what each is, which way is better, and whether it is a rate.

The formulas are in `evals.metrics` (one question) and `evals.risk` (a whole run). A rate is 0 or 1 for each question
and gets a Wilson interval and McNemar's test; a mean is graded and gets a bootstrap interval and a sign-flip test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["rate", "mean", "share", "curve"]


@dataclass(frozen=True, slots=True)
class Measure:
    """`kind`: rate (0 or 1 a question), mean (graded, a question), share (counts pooled over the questions), curve
    (of the whole run, no value for one question)."""

    name: str
    kind: Kind
    higher_is_better: bool
    says: str


_ALL = (
    Measure("answer_em", "rate", True, "short answer equal to an accepted answer, SQuAD normalisation"),
    Measure("answer_f1", "mean", True, "token F1 of the short answer, best accepted answer"),
    Measure("answer_contains", "rate", True, "an accepted answer stands in what was answered"),
    Measure("nugget_recall", "mean", True, "share of the vital facts that are stated"),
    Measure("quote_verbatim", "share", True, "printed quotes equal to the text at their offsets"),
    Measure("citation_precision", "mean", True, "share of the cited characters that are gold"),
    Measure("citation_recall", "mean", True, "share of the gold characters that are cited"),
    Measure("rejection_rate", "rate", True, "unanswerable questions that were declined"),
    Measure("over_refusal", "rate", False, "answerable questions that were declined"),
    Measure("aurc", "curve", False, "mean risk over the coverages, most confident first"),
    Measure("speaker_accuracy", "rate", True, "the quote is ascribed to the right person"),
    Measure("disagreement_accuracy", "rate", True, "real, apparent or no disagreement, told apart"),
    Measure("forbidden_rate", "rate", False, "answers that state something forbidden"),
    Measure("recall@10", "mean", True, "share of the gold evidence inside the first ten passages"),
    Measure("all@10", "rate", True, "all of the gold evidence inside the first ten passages"),
    Measure("mrr@10", "mean", True, "1 / rank of the first passage that completes a piece of gold evidence"),
    # More than the contract's names:
    Measure("accuracy", "rate", True, "answered rightly, or rightly declined"),
    Measure("nugget_recall_all", "mean", True, "share of the vital and the okay facts that are stated"),
    Measure("citation_support", "mean", True, "share of the citations that stand on gold evidence"),
    Measure("e_aurc", "curve", False, "AURC less that of the best possible order of the same answers"),
    Measure("brier", "mean", False, "squared distance of confidence and correctness, answered questions"),
)
MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
CONTRACT_NAMES = tuple(measure.name for measure in _ALL[:16])
