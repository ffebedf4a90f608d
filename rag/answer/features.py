"""What is known about a sentence as an answer to a question, as numbers.

`sentence_features` gives one row per candidate sentence, for the choice among them; `draft_features` gives one row per
question, for the decision whether to answer at all. The order of `SENTENCE_FEATURES` and `DRAFT_FEATURES` is the order
of the columns; the shipped weights name each (`rag/models/chooser/weights.json`), so that the two cannot drift apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rag.answer.short import Kind, closest, kind_of, new_expressions, shows_form
from rag.types import Span
from rag.words import Word, alike, fold, words

SENTENCE_FEATURES = (
    "span",  # the reader's score of the best span inside the sentence: log-odds of start and end against no answer
    "span_behind_best",  # minus the best of all candidates
    "span_share",  # its share among all candidates and "no answer", by softmax
    "relevance",  # the reader's log-odds that the passage answers
    "relevance_behind_best",
    "coverage",  # share of the question's content words in the sentence, rare ones and names weigh more
    "coverage_behind_best",
    "coverage_context",  # the same over the sentence, its neighbours, heading and title
    "coverage_passage",
    "names",  # share of the question's names and numbers in the sentence (0.5 where it has none)
    "names_context",
    "pairs",  # share of the question's neighbouring word pairs that stand together, within four words
    "form_figure",  # 1 the sentence has a new figure or date of the kind asked for, -1 it has none, 0 not asked for
    "form_name",  # the same for who and where
    "form_reason",  # the same for why
    "form_speech",  # the same for what somebody said
    "form_near",  # closeness of the best short answer to the question's words
    "speaker",  # the question asks what somebody said, and that name stands with a verb of saying or in front of one
    "rank",  # 1 / rank of the best hit that holds it
    "first",  # the sentence opens its document's body
    "length",  # logarithm of the number of words
    "heading",  # a heading, a title, a label: words without a statement
    "is_question",
    "pronoun_start",
)

DRAFT_FEATURES = (
    "span",  # the reader's best span score of all candidates
    "span_chosen",  # of the best sentence
    "relevance",  # of the best passage
    "relevance_chosen",  # of the best sentence's passage
    "coverage",  # of the best sentence, over all words of the question, also those that no candidate has
    "coverage_context",
    "unknown",  # weight of the question's words that no shown passage has
    "unknown_names",  # share of its names and numbers that no shown passage has
    "strange",  # how far "unknown" is above one half, or "unknown_names" where the languages differ: about something else
    "form",  # whether the best sentence has what is asked for: 1, 0 (nothing asked), -1
    "near",
    "words",  # logarithm of the number of content words in the question
    "look_span",  # of a second reading of the best sentence with its neighbours alone: as "span"
    "look_relevance",  # as "relevance"
    "verified",  # log-odds that these sentences support the answer
)
NO_SPAN = -20.0  # score of a sentence in which the network sees no token

_PRONOUN = re.compile(
    r"[“\"‘'(]?(He|She|It|They|This|That|These|Those|His|Her|Their|Its|Such|Both|The former|The latter|"
    r"Él|Ella|Ellos|Ellas|Esto|Eso)\b"
)
_MAIL_HEADER = re.compile(
    r"(?:From|De|Von|Date|Fecha|Subject|Asunto): [^\n]*\n(?:To|Para|An|Date|Fecha|Subject|Asunto): "
)
_QUOTED = re.compile(r"[“\"«]([^”\"»]+)[”\"»]|(?<!\w)[‘']([^’']{8,}(?:[’']\w+[^’']*)*)[’'](?!\w)")


@dataclass(frozen=True)
class Candidate:
    """A sentence that may answer, with what surrounds it. `rank` is that of the best hit that holds it, from 1."""

    document_id: str
    span: Span
    text: str
    rank: int
    passage: Span
    shown: str  # the passage's text
    before: str = ""  # the two sentences before
    after: str = ""  # the sentence after
    heading: str = ""  # title of the document, heading of the passage
    opens: bool = False
    is_heading: bool = False

    @cached_property
    def words(self) -> list[Word]:
        return words(self.text)

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(word.key for word in self.words)


@dataclass(frozen=True)
class Look:
    """A second reading of a sentence with its neighbours: score of its best span, relevance, support of the answer."""

    span: float
    relevance: float
    verified: float


@dataclass(frozen=True)
class Asked:
    """A question taken apart: what it asks for, its content words with their weights, and words it quotes."""

    text: str
    kind: Kind
    keys: tuple[str, ...]
    weights: NDArray[np.float64]
    named: NDArray[np.bool_]
    known: NDArray[np.bool_]
    phrases: tuple[str, ...]

    @cached_property
    def key_set(self) -> frozenset[str]:
        return frozenset(self.keys)


def take_apart(question: str, candidates: Sequence[Candidate]) -> Asked:
    """The question's content words, weighted by how few of the candidates hold them; names and numbers count 1.5 times.

    A word counts as a name where it has a capital inside the question, or (for questions typed without capitals) where
    the candidates mostly write it with one.
    """
    told = words(question)
    content = [word for word in told if not word.stop]
    keys = tuple(dict.fromkeys(word.key for word in content))
    first = told[0].span if told else Span(0, 0)
    upper = {word.key for word in content if (word.capital and word.span != first) or word.number}
    counts = dict.fromkeys(keys, 0)
    capitals = dict.fromkeys(keys, 0)
    for candidate in candidates:
        for key in candidate.keys & counts.keys():
            counts[key] += 1
        for place, word in enumerate(candidate.words):
            if place and word.capital and word.key in counts:
                capitals[word.key] += 1
    named = np.array([key in upper or capitals[key] > 0.6 * max(1, counts[key]) for key in keys], dtype=bool)
    total = len(candidates) + 1
    rarity = np.array([math.log(1 + total / (1 + counts[key])) for key in keys])
    weights = rarity * np.where(named, 1.5, 1.0)
    known = np.array(
        [
            counts[key] > 0 or any(alike(key, other) for one in candidates for other in one.keys)
            for key in keys
        ],
        dtype=bool,
    )
    phrases = tuple(fold(match[0] or match[1]).strip(" .,!?") for match in _QUOTED.findall(question))
    return Asked(question, kind_of(question), keys, weights, named, known, phrases)


def sentence_features(
    asked: Asked,
    candidates: Sequence[Candidate],
    spans: NDArray[np.float64],
    relevance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Rows: `candidates`; columns: `SENTENCE_FEATURES`. `spans` and `relevance` are the network's, in their order."""
    groups = _passages(candidates)
    likeness = _likeness(asked, [candidate.keys for candidate in candidates])
    likeness_around = _likeness(
        asked,
        [
            frozenset(word.key for word in words(f"{one.before} {one.after} {one.heading}"))
            for one in candidates
        ],
    )
    in_context = np.maximum(likeness, likeness_around)
    in_passage = np.zeros_like(likeness)
    for members in groups:
        in_passage[members] = in_context[members].max(axis=0)
    present = asked.weights * asked.known
    coverage = _share(likeness, present)
    name_weights = asked.weights * asked.named
    columns = {
        "span": spans,
        "span_behind_best": spans - spans.max(),
        "span_share": np.exp(spans - np.logaddexp.reduce(np.append(spans, 0.0))),
        "relevance": relevance,
        "relevance_behind_best": relevance - relevance.max(),
        "coverage": coverage,
        "coverage_behind_best": coverage - coverage.max(),
        "coverage_context": _share(in_context, present),
        "coverage_passage": _share(in_passage, present),
        "names": _share(likeness, name_weights, empty=0.5),
        "names_context": _share(in_context, name_weights, empty=0.5),
        "pairs": np.array([_pairs(asked.keys, candidate) for candidate in candidates]),
        "rank": np.array([1.0 / candidate.rank for candidate in candidates]),
        "first": np.array([float(candidate.opens) for candidate in candidates]),
        "length": np.array([math.log1p(len(candidate.words)) for candidate in candidates]),
        "heading": np.array([float(is_label(candidate)) for candidate in candidates]),
        "is_question": np.array(
            [float(candidate.text.rstrip(" ”\"'’").endswith("?")) for candidate in candidates]
        ),
        "pronoun_start": np.array([float(needs_company(candidate.text)) for candidate in candidates]),
        "speaker": np.array([_speaker(asked, candidate) for candidate in candidates]),
        **_form_columns(asked, candidates),
    }
    return np.column_stack([columns[name] for name in SENTENCE_FEATURES]).astype(np.float64)


def draft_features(
    asked: Asked,
    rows: NDArray[np.float64],
    scores: NDArray[np.float64],
    look: Look,
    *,
    foreign: bool = False,
) -> NDArray[np.float64]:
    """One row, `DRAFT_FEATURES`, about the question and the sentence with the best score. `look`: its second reading.

    `foreign`: the sentence is in another language than the question, of whose words it has only the names.
    """
    best = int(scores.argmax())
    column = dict(zip(SENTENCE_FEATURES, rows[best], strict=True))
    total = float(asked.weights.sum()) or 1.0
    known_share = float((asked.weights * asked.known).sum()) / total
    name_total = float((asked.weights * asked.named).sum())
    unknown_names = (
        float((asked.weights * asked.named * ~asked.known).sum()) / name_total if name_total else 0.0
    )
    form = column["form_figure"] + column["form_name"] + column["form_reason"] + column["form_speech"]
    values = {
        "span": float(rows[:, SENTENCE_FEATURES.index("span")].max()),
        "span_chosen": column["span"],
        "relevance": float(rows[:, SENTENCE_FEATURES.index("relevance")].max()),
        "relevance_chosen": column["relevance"],
        "coverage": column["coverage"] * known_share,
        "coverage_context": column["coverage_context"] * known_share,
        "unknown": 1.0 - known_share,
        "unknown_names": unknown_names,
        "strange": max(0.0, (unknown_names if foreign else 1.0 - known_share) - 0.5),
        "form": max(-1.0, min(1.0, form)),
        "near": column["form_near"],
        "words": math.log1p(len(asked.keys)),
        "look_span": look.span,
        "look_relevance": look.relevance,
        "verified": look.verified,
    }
    return np.array([values[name] for name in DRAFT_FEATURES])


def needs_company(text: str) -> bool:
    """True for a sentence whose opening points back ("He said", "The former"): it is quoted with the one before."""
    return _PRONOUN.match(text) is not None


def _passages(candidates: Sequence[Candidate]) -> list[list[int]]:
    groups: dict[tuple[str, Span], list[int]] = {}
    for index, candidate in enumerate(candidates):
        groups.setdefault((candidate.document_id, candidate.passage), []).append(index)
    return list(groups.values())


def _likeness(asked: Asked, texts: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    """(texts, words of the question): how nearly the text holds the word, 1, 0.6 or 0."""
    families: dict[str, dict[str, float]] = {}
    vocabulary = set().union(*texts) if texts else set()
    for key in asked.keys:
        likes = {other: alike(key, other) for other in vocabulary}
        families[key] = {other: value for other, value in likes.items() if value}
    table = np.zeros((len(texts), len(asked.keys)))
    for row, keys in enumerate(texts):
        for column, key in enumerate(asked.keys):
            table[row, column] = max(
                (value for other, value in families[key].items() if other in keys), default=0.0
            )
    return table


def _share(
    likeness: NDArray[np.float64], weights: NDArray[np.float64], empty: float = 0.0
) -> NDArray[np.float64]:
    total = float(weights.sum())
    if total == 0.0:
        return np.full(len(likeness), empty)
    shares: NDArray[np.float64] = likeness @ weights / total
    return shares


def _pairs(keys: Sequence[str], candidate: Candidate) -> float:
    """Share of the question's neighbouring content words that stand within four words of each other."""
    if len(keys) < 2:
        return 0.0
    places: dict[str, list[int]] = {}
    for index, word in enumerate(candidate.words):
        places.setdefault(word.key, []).append(index)
    near = sum(
        any(abs(i - j) <= 4 for i in places.get(one, ()) for j in places.get(two, ()))
        for one, two in pairwise(keys)
    )
    return near / (len(keys) - 1)


def _form_columns(asked: Asked, candidates: Sequence[Candidate]) -> dict[str, NDArray[np.float64]]:
    columns = {
        name: np.zeros(len(candidates))
        for name in ("form_figure", "form_name", "form_reason", "form_speech", "form_near")
    }
    group = {"person": "form_name", "place": "form_name", "reason": "form_reason", "speech": "form_speech"}
    if asked.kind in {"yes_no", "other"}:
        return columns
    name = group.get(asked.kind, "form_figure")
    for index, candidate in enumerate(candidates):
        if asked.kind in {"reason", "speech"}:
            columns[name][index] = 1.0 if shows_form(asked.kind, candidate.text) else -1.0
            continue
        spans = new_expressions(asked.kind, candidate.text, asked.key_set)
        columns[name][index] = 1.0 if spans else -1.0
        if spans:
            columns["form_near"][index] = min(2.0, closest(asked.text, asked.kind, candidate.text, spans))
    return columns


def is_label(candidate: Candidate) -> bool:
    """A heading, a mail's header, or a line of a few words that ends without punctuation."""
    if candidate.is_heading or _MAIL_HEADER.match(candidate.text):
        return True
    closed = re.search(r"[.!?…:;][\"”’')\]*]*$", candidate.text.rstrip())
    return len(candidate.words) < 4 or (not closed and len(candidate.words) < 14)


def _speaker(asked: Asked, candidate: Candidate) -> float:
    if asked.kind != "speech" or not asked.named.any():
        return 0.0
    names = {key for key, named in zip(asked.keys, asked.named, strict=True) if named}
    if not shows_form("speech", candidate.text):
        return 0.0
    if names & candidate.keys:
        return 1.0
    return 0.5 if names & {word.key for word in words(candidate.before)} else 0.0
