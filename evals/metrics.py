"""Metrics of one question: pure functions of the gold and of the printed answer (the contract's `ask` object).

Each returns a number in [0, 1], or None where the metric is not defined for the question; None is left out of means
and counted, it is never 0. A question on which the system failed (crash, time limit) is scored as if it had printed
nothing, so it stays in every denominator to which it belongs; only metrics over printed things (quotes, precision)
have nothing to measure there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evals.suite import Gold, Item
from evals.text import contains_any, normalise, same_person
from rag.documents.building import merge_spans
from rag.types import Span

Ask = Mapping[str, Any]
TextOf = Callable[[str], str | None]
Places = Mapping[str, Sequence[Span]]

NOTHING: Ask = {
    "status": "failed",
    "answer": "",
    "short_answers": [],
    "statements": [],
    "citations": [],
    "hits": [],
}


def exact_match(prediction: str, gold: str, lang: str | None = None) -> float:
    """1 where both are equal after normalisation (SQuAD EM). Source: SQuAD-explorer evaluate-v2.0.py."""
    return float(normalise(prediction, lang) == normalise(gold, lang))


def token_f1(prediction: str, gold: str, lang: str | None = None) -> float:
    """2PR/(P+R) over bags of normalised tokens; P = shared/predicted, R = shared/gold (SQuAD F1).

    Edge rule of version 2.0: where either side has no token, 1 if both have none, else 0.
    """
    predicted, wanted = normalise(prediction, lang).split(), normalise(gold, lang).split()
    if not predicted or not wanted:
        return float(predicted == wanted)
    shared = (Counter(predicted) & Counter(wanted)).total()
    return 2 * shared / (len(predicted) + len(wanted))


def plain_answer(ask: Ask) -> str:
    """The answer's text without the markers of its own citations; "[7]" stays where there is no citation 7."""
    markers = {str(citation["marker"]) for citation in ask["citations"]}
    text: str = ask["answer"] or ""
    return re.sub(r"\s*\[(\d+)\]", lambda found: "" if found[1] in markers else found[0], text).strip()


def prediction(ask: Ask) -> str:
    """What exact match and F1 are computed over: the first short answer, else the answer's text without markers.

    A declined or failed question predicts nothing.
    """
    if ask["status"] != "answered":
        return ""
    short: Sequence[str] = ask["short_answers"]
    return short[0] if short else plain_answer(ask)


def stated(ask: Ask) -> list[str]:
    """Everything the answer states: its text, its short answers and its statements; nothing where it declined.

    Quotes are not in it, unless a statement repeats them: they are evidence, and a long one states anything.
    """
    if ask["status"] != "answered":
        return []
    return [plain_answer(ask), *ask["short_answers"], *(statement["text"] for statement in ask["statements"])]


def answer_em(item: Item, ask: Ask) -> float | None:
    """Greatest exact match of the prediction over every accepted answer and alias; None without `answers`."""
    return _best(exact_match, item, ask)


def answer_f1(item: Item, ask: Ask) -> float | None:
    """Greatest token F1 of the prediction over every accepted answer and alias; None without `answers`."""
    return _best(token_f1, item, ask)


def _best(metric: Callable[[str, str, str | None], float], item: Item, ask: Ask) -> float | None:
    if item.answers is None:
        return None
    if ask["status"] != "answered":
        return 0.0
    return max(metric(prediction(ask), gold, item.lang) for answer in item.answers for gold in answer)


def answer_contains(item: Item, ask: Ask) -> float | None:
    """1 where an accepted answer or alias stands in what is stated, by whole words (see `evals.text.contains`).

    After STR-EM of ALCE and RGB's accuracy, with whole words where those take any substring. Long answers gain by
    it: read it with the answer's length. None without `answers`.
    """
    if item.answers is None:
        return None
    return float(contains_any(stated(ask), [gold for answer in item.answers for gold in answer], item.lang))


def nugget_recall(item: Item, ask: Ask, *, vital_only: bool = True) -> float | None:
    """Facts stated / facts wanted, each stated where one of its wordings is; vital ones, or vital and okay ones.

    Source: nuggetizer's strict vital and strict all. Edge rule: no nugget of the kind gives None (nuggetizer: 0).
    """
    wanted = [nugget for nugget in item.nuggets or () if nugget.importance == "vital" or not vital_only]
    if not wanted:
        return None
    texts = stated(ask)
    return sum(contains_any(texts, nugget.any, item.lang) for nugget in wanted) / len(wanted)


def quotes_verbatim(ask: Ask, text_of: TextOf) -> tuple[int, int]:
    """(printed quotes equal to their document's text at their offsets, printed quotes).

    A quote of a document that the corpus does not have is not equal. The run's value pools both counts.
    """
    good = 0
    for citation in ask["citations"]:
        text, start, end = text_of(citation["document_id"]), citation["start"], citation["end"]
        good += bool(
            text is not None and 0 <= start <= end <= len(text) and text[start:end] == citation["quote"]
        )
    return good, len(ask["citations"])


def citation_scores(
    item: Item, gold: Sequence[Gold], ask: Ask
) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and support of the citations against the gold spans, for the best evidence set.

    Over characters, a document's cited spans merged first: precision = |cited ∩ gold| / |cited|; recall =
    |cited ∩ gold| / |gold|. Support = share of the citations that share at least half of the shorter of the two with
    a piece of gold (a whole sentence around a gold phrase is then right, where precision takes off the rest of it).
    Of a repeated gold quote the place cited most counts. The best set has the greatest F1, then recall, then comes
    first. Edge rules: no evidence, None for all; nothing cited, recall 0 and None for the others.
    """
    if not gold:
        return None, None, None
    cited = _places(ask["citations"])
    if not cited:
        return None, 0.0, None
    best: tuple[float, float, float, float] | None = None
    for chosen in item.evidence_sets:
        wanted = _merged([(gold[index].document_id, _most_cited(gold[index], cited)) for index in chosen])
        shared = _shared(cited, wanted)
        precision, recall = shared / _size(cited), shared / _size(wanted)
        f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
        support = _supported(ask["citations"], [gold[index] for index in chosen])
        if best is None or (f1, recall, support) > (best[0], best[2], best[3]):
            best = (f1, precision, recall, support)
    if best is None:
        return None, None, None
    return best[1], best[2], best[3]


def _most_cited(gold: Gold, cited: Places) -> Span:
    spans = cited.get(gold.document_id, ())
    return max(gold.places, key=lambda place: sum(_overlap(place, span) for span in spans))


def _supported(citations: Sequence[Mapping[str, Any]], gold: Sequence[Gold]) -> float:
    good = 0
    for citation in citations:
        span = Span(citation["start"], citation["end"])
        good += any(
            piece.document_id == citation["document_id"]
            and 2 * _overlap(span, place) >= min(len(span), len(place)) > 0
            for piece in gold
            for place in piece.places
        )
    return good / len(citations)


def _places(found: Sequence[Mapping[str, Any]]) -> Places:
    """Spans by document, merged; what has no length is left out."""
    return _merged([(entry["document_id"], Span(entry["start"], entry["end"])) for entry in found])


def _merged(found: Sequence[tuple[str, Span]]) -> Places:
    by_document: dict[str, list[Span]] = {}
    for document_id, span in found:
        if len(span):
            by_document.setdefault(document_id, []).append(span)
    return {document_id: merge_spans(spans) for document_id, spans in by_document.items()}


def _overlap(one: Span, other: Span) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _shared(one: Places, other: Places) -> int:
    return sum(
        _overlap(span, place)
        for key in one.keys() & other.keys()
        for span in one[key]
        for place in other[key]
    )


def _size(places: Places) -> int:
    return sum(len(span) for spans in places.values() for span in spans)


def rejection(item: Item, ask: Ask) -> float | None:
    """1 where an unanswerable question was declined (RGB's rejection rate); None for answerable ones.

    A crash is no refusal: it counts 0.
    """
    return None if item.answerable else float(ask["status"] == "no_answer")


def over_refusal(item: Item, ask: Ask) -> float | None:
    """1 where an answerable question was declined; None for unanswerable ones. A crash is no refusal: it counts 0."""
    return float(ask["status"] == "no_answer") if item.answerable else None


def speakers_named(gold: Sequence[Gold], ask: Ask) -> list[str]:
    """Whom the answer names as the speaker of the gold words, best evidence first; see `speaker_accuracy`."""
    markers = {
        citation["marker"]
        for citation in ask["citations"]
        for piece in gold
        for place in piece.places
        if citation["document_id"] == piece.document_id
        and place.overlaps(Span(citation["start"], citation["end"]))
    }
    if markers:
        named = [
            statement["speaker"] for statement in ask["statements"] if markers & set(statement["citations"])
        ]
        named += [citation["speaker"] for citation in ask["citations"] if citation["marker"] in markers]
    else:
        named = [entry["speaker"] for entry in (*ask["statements"][:1], *ask["citations"][:1])]
    return [name for name in (*named, *ask["short_answers"][:1]) if name is not None]


def speaker_accuracy(item: Item, gold: Sequence[Gold], ask: Ask) -> float | None:
    """1 where the words are ascribed to the gold `speaker` (see `evals.text.same_person`); None without one.

    Looked at are the citations that overlap gold evidence, and the statements that rest on them; where there are
    none, the first statement and the first citation only, so that naming everybody does not pay; and the first short
    answer, which to "who said …?" is the speaker. 0 where it declined.
    """
    if item.speaker is None:
        return None
    return float(any(same_person(name, item.speaker) for name in speakers_named(gold, ask)))


def disagreement_accuracy(item: Item, ask: Ask) -> float | None:
    """1 where the answer's disagreement (its kind, or "none") is the gold one; None without gold.

    0 for an answerable question that was declined, and for a failed one: nothing was told apart there.
    """
    if item.disagreement is None:
        return None
    if ask["status"] != "answered" and (item.answerable or ask["status"] != "no_answer"):
        return 0.0
    told = ask["disagreement"]["kind"] if ask.get("disagreement") else "none"
    return float(told == item.disagreement)


def forbidden_found(item: Item, ask: Ask, severity: str) -> list[str]:
    """The forbidden wordings that the answer states itself, as stems ("contradict" is in "contradictory").

    A text of more than five words that stands in one of its quotes is the source speaking and is passed over, and so
    are the quotes; a shorter one ("26") is the answer's own choice.
    """
    if ask["status"] != "answered" or not item.forbidden:
        return []
    quotes = [citation["quote"] for citation in ask["citations"]]
    texts = stated(ask)
    if ask.get("disagreement"):
        texts.append(ask["disagreement"]["note"] or "")
    own = [text for text in texts if len(text.split()) <= 5 or not contains_any(quotes, [text], item.lang)]
    return [
        wording
        for entry in item.forbidden or ()
        if entry.severity == severity
        for wording in entry.any
        if contains_any(own, [wording], item.lang, stem=True)
    ]


def forbidden_rate(item: Item, ask: Ask) -> float | None:
    """1 where a wording of severity `fail` is stated; None where the question forbids none."""
    if not any(entry.severity == "fail" for entry in item.forbidden or ()):
        return None
    return float(bool(forbidden_found(item, ask, "fail")))


def accuracy(item: Item, scores: Mapping[str, float | None], ask: Ask) -> float | None:
    """1 where the question was dealt with rightly: this is the "correct" of risk, Brier score and the reports.

    Unanswerable: it was declined. Answerable: `answer_contains`, else every vital nugget, else at least half of the
    gold characters cited; whichever the question has first. Stating something forbidden is never right. None where
    an answerable question has no gold.
    """
    if not item.answerable:
        return rejection(item, ask)
    if scores.get("forbidden_rate") == 1:
        return 0.0
    if scores["answer_contains"] is not None:
        return scores["answer_contains"]
    if scores["nugget_recall"] is not None:
        return float(scores["nugget_recall"] == 1)
    if scores["citation_recall"] is not None:
        return float(scores["citation_recall"] >= 0.5)
    return None
