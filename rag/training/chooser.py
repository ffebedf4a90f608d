"""Fits the built-in answerer's weights: which sentence answers, and whether to answer at all.

    python -m rag.training.chooser --data DIR [--out FOLDER]

The trained network (`rag.answer.network`) gives the main features, so only what it was not trained on may be used
here: the articles of SQuAD 1.1, of the part of SQuAD 2.0 and of our own texts that `rag.training.data` holds out,
and questions of Natural Questions' development set (`nq/nq_open_oracle_2655.jsonl`). The examples go through the program
itself: a few articles become text files, a real library indexes them, and each question is put to the real retriever,
so that the weights meet what they will meet later. A world is 12 paragraphs of each of some articles, 60 passages of
Natural Questions, or 15 texts of our own, English news or Spanish. Half of the articles, passages and texts are for
fitting, half for the figures.

1. Sentences: logistic regression over all candidates of the questions whose answer was retrieved (label: the sentence
   holds the answer's span).
2. Whether to answer: logistic regression (Platt scaling over `DRAFT_FEATURES`) on all questions, those that the world
   cannot answer included: human-written unanswerables (`near`), near misses on our texts (`near_news`,
   `near_spanish`), questions to other articles (`outside`) and Natural Questions put to SQuAD articles (`obvious`).
   Label: one of the three best sentences holds the answer, because three quotes are what is shown.
3. The threshold is set by hand (`THRESHOLD`): see there.

Needs scikit-learn (extra `evals`).
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import DRAFT_FEATURES, SENTENCE_FEATURES
from rag.answer.reader import OfflineReader, Ranked, Weights, candidates_of
from rag.index.library import Library
from rag.search.retrieve import Retriever
from rag.settings import Settings
from rag.training.data import (
    NATURAL_QUESTIONS,
    SQUAD,
    SQUAD2,
    Article,
    news,
    spanish,
    squad2_split,
    squad_split,
)
from rag.types import Question, Span

log = logging.getLogger(__name__)

NATURAL_QUESTIONS_DEV = "nq/nq_open_oracle_2655.jsonl"
PARAGRAPHS = 12  # of an article: the length of a long news report
SHOWN = 3  # quotes
# Chosen on three development sets, `evals/suites/transfers`, `evals/suites/near-misses` and 134 questions of our own over
# eleven news pages: about the highest at which at most one in ten answerable questions is declined in each, and one in
# twelve in the first (7, 9 and 8 %).
THRESHOLD = 0.18

# Encyclopaedia paragraphs have no headings and no questions, news pages have many: nothing to fit these on. A value of
# this size puts a heading behind every sentence that says about as much. And a Wikipedia passage opens with what is
# asked more often than other texts do.
SET_BY_HAND = {"heading": -2.0, "is_question": -2.0, "first": 0.3}

# Questions about other things are a few in a hundred here and come much oftener in use, so what marks them must weigh
# more than the fit gives it (-1.5). A weight on all of "unknown" instead (it was -4) declined about as many of them, and
# took near misses for answers: AUROC on the half of our news texts held out .85 with it, .93 with this.
DRAFT_SET_BY_HAND = {"strange": -4.0}

Kind = Literal["squad", "nq", "news", "spanish", "outside", "obvious", "near", "near_news", "near_spanish"]
ANSWERABLE = frozenset({"squad", "nq", "news", "spanish"})
NEWS_TEXTS = 15  # of a world
NEWS_WORLDS, SPANISH_WORLDS = 2, 1  # of either half: more would outweigh everything else
NEWS_OUTSIDERS = 15  # questions about other things, of a world of news texts


@dataclass(frozen=True)
class Probe:
    """A question; where it is answerable, the document's title and the spans of the answer in its text."""

    question: str
    kind: Kind
    title: str | None = None
    answers: tuple[Span, ...] = ()


@dataclass
class World:
    """What one library holds, text by title, and the questions put to it."""

    source: Kind
    texts: dict[str, str] = field(default_factory=dict)
    probes: list[Probe] = field(default_factory=list)


@dataclass(frozen=True)
class Example:
    probe: Probe
    ranked: Ranked
    labels: NDArray[np.int8]


def squad_worlds(
    source: Kind,
    articles: Sequence[Article],
    others: Sequence[Article],
    probes: int,
    outsiders: Sequence[str],
    seed: int = 7,
) -> Iterator[World]:
    """Worlds of the articles, 12 paragraphs of each at a time, three in all, with `probes` questions to them.

    A sixth as many are questions to `others`, and as many again are drawn from `outsiders`. Where there are
    unanswerable questions they are half.
    """
    chance = random.Random(seed)
    for part in range(3):
        world = World(source)
        for article in articles:
            _add_article(world, article, range(part * PARAGRAPHS, (part + 1) * PARAGRAPHS))
        chance.shuffle(world.probes)
        near = [probe for probe in world.probes if probe.kind == "near"][: probes // 2]
        possible = [probe for probe in world.probes if probe.kind != "near"][: probes - len(near)]
        world.probes = near + possible
        for article in chance.choices(others, k=probes // 6):
            world.probes.append(Probe(chance.choice(article.examples).question, "outside"))
        world.probes += [Probe(question, "obvious") for question in chance.sample(outsiders, probes // 6)]
        yield world


def _add_article(world: World, article: Article, paragraphs: range) -> None:
    text = ""
    for context in article.texts[paragraphs.start : paragraphs.stop]:
        if not unicodedata.is_normalized("NFC", context) or "\r" in context:
            continue
        for example in article.examples:
            if example.text != context:
                continue
            if example.answer is None:
                world.probes.append(Probe(example.question, "near"))
            else:
                place = example.answer.shifted(len(text))
                world.probes.append(Probe(example.question, "squad", article.title, (place,)))
        text += context + "\n\n"
    if text:
        world.texts[article.title] = text


def natural_worlds(rows: Sequence[dict[str, Any]]) -> Iterator[World]:
    """Worlds of sixty passages, a question to each, and ten questions to passages that are not there."""
    *groups, spare = [rows[start : start + 60] for start in range(0, len(rows), 60)]
    for number, group in enumerate(groups):
        world = World("nq")
        for row in group:
            text = row["context"]
            if not unicodedata.is_normalized("NFC", text) or "\r" in text or len(text) < 80:
                continue
            title = f"{row['title']} {row['id']}"
            world.texts[title] = text + "\n"
            places = tuple(
                Span(answer["answer_start"], answer["answer_start"] + len(answer["text"]))
                for answer in row["answers"]
            )
            world.probes.append(Probe(row["question"], "nq", title, places))
        world.probes += [Probe(row["question"], "outside") for row in spare[10 * number : 10 * number + 10]]
        yield world


def news_worlds(
    texts: Sequence[Article],
    outsiders: Sequence[str],
    kinds: tuple[Kind, Kind] = ("news", "near_news"),
    count: int = NEWS_WORLDS,
    seed: int = 7,
) -> Iterator[World]:
    """`count` worlds of our news texts with all their questions, of these kinds, and some of `outsiders`."""
    chance = random.Random(seed)
    answerable, near = kinds
    for start in range(0, min(len(texts), count * NEWS_TEXTS), NEWS_TEXTS):
        world = World(answerable)
        for number, article in enumerate(texts[start : start + NEWS_TEXTS], start):
            (text,) = article.texts
            lead = f"{article.title}\n\n" if article.title else ""
            title = f"{number} {article.title or text[:40]}"
            world.texts[title] = lead + text + "\n"
            for example in article.examples:
                if example.answer is None:
                    world.probes.append(Probe(example.question, near))
                else:
                    world.probes.append(
                        Probe(example.question, answerable, title, (example.answer.shifted(len(lead)),))
                    )
        world.probes += [Probe(question, "obvious") for question in chance.sample(outsiders, NEWS_OUTSIDERS)]
        yield world


def examples(worlds: Iterator[World]) -> list[list[Example]]:
    """One list a world: every question with its candidates' features, through a real library."""
    nothing = Weights(np.zeros(len(SENTENCE_FEATURES)), np.zeros(len(DRAFT_FEATURES)), 0.0, 0.0)
    found = []
    embedder = None
    for world in worlds:
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "files"
            files.mkdir()
            for title, text in world.texts.items():
                (files / f"{_file_name(title)}.txt").write_text(text, encoding="utf-8")
            settings = Settings()
            library = Library.open(
                Path(folder) / "library", settings, write=True, create=True, embedder=embedder
            )
            with library:
                embedder = library.embedder
                library.add([files])
                reader = OfflineReader(settings.answer, nothing)
                found.append(_examples_of(world, library, Retriever(library, settings.search), reader))
        log.info("%s world %d: %d questions", world.source, len(found), len(found[-1]))
    return found


def _file_name(title: str) -> str:
    return re.sub(r"\W+", "-", title).strip("-")[:80]


def _examples_of(
    world: World, library: Library, retriever: Retriever, reader: OfflineReader
) -> list[Example]:
    records = library.documents()
    documents = {record.document_id: library.document(record.document_id) for record in records}
    by_name = {Path(document.path).stem: document for document in documents.values()}
    result = []
    for probe in world.probes:
        document = by_name.get(_file_name(probe.title)) if probe.title else None
        if probe.title and (
            document is None or not document.text.startswith(world.texts[probe.title].strip())
        ):
            continue  # the reader of text files changed something, so the offsets do not hold
        ranked = reader.rank(
            probe.question, candidates_of(retriever.retrieve(Question(probe.question)), documents)
        )
        if ranked is None:
            continue
        labels = [
            document is not None
            and candidate.document_id == document.id
            and any(candidate.span.contains(answer) for answer in probe.answers)
            for candidate in ranked.candidates
        ]
        result.append(Example(probe, ranked, np.array(labels, dtype=np.int8)))
    return result


def fit_sentences(training: Sequence[Example]) -> NDArray[np.float64]:
    """Weights in the features' own units; the constant is left out, because only the order counts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    usable = [example for example in training if example.labels.any()]
    rows = np.concatenate([example.ranked.rows for example in usable])
    labels = np.concatenate([example.labels for example in usable])
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=0.3, max_iter=500).fit(scaler.transform(rows), labels)
    weights: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    for name, value in SET_BY_HAND.items():
        weights[SENTENCE_FEATURES.index(name)] = value
    return weights


def fit_draft(
    training: Sequence[Example], sentence: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights in the features' own units (some set by hand), and the constant."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = np.array([_draft_row(example, sentence) for example in training])
    labels = [_among_best(example, sentence, SHOWN) for example in training]
    scaler = StandardScaler().fit(rows)
    # C: of .3 to .01 the one with the best refusals on the development sets of `THRESHOLD`; all are near each other.
    model = LogisticRegression(C=0.1, max_iter=500).fit(scaler.transform(rows), labels)
    fitted: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    weights = fitted.copy()
    for name, value in DRAFT_SET_BY_HAND.items():
        weights[DRAFT_FEATURES.index(name)] = value
    # The constant keeps the mean of the questions that have an answer where it was.
    moved = rows[np.array(labels)] @ (fitted - weights)
    return weights, float(model.intercept_[0] - fitted @ scaler.mean_ + moved.mean())


def _draft_row(example: Example, sentence: NDArray[np.float64]) -> NDArray[np.float64]:
    return example.ranked.draft_row(example.ranked.rows @ sentence)


def _among_best(example: Example, sentence: NDArray[np.float64], count: int) -> bool:
    order = np.argsort(-(example.ranked.rows @ sentence), kind="stable")[:count]
    return bool(example.labels[order].any())


def confidences(tested: Sequence[Example], weights: Weights) -> NDArray[np.float64]:
    rows = np.array([_draft_row(example, weights.sentence) for example in tested])
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(rows @ weights.draft + weights.draft_bias)))
    return result


def figures(tested: Sequence[Example], weights: Weights) -> dict[str, Any]:
    """For each kind of question: how many, and the shares that the model card prints."""
    values = confidences(tested, weights)
    report: dict[str, Any] = {}
    for kind in get_args(Kind):
        members = [index for index, example in enumerate(tested) if example.probe.kind == kind]
        if not members:
            continue
        part: dict[str, Any] = {
            "n": len(members),
            "answered": _rounded(np.mean(values[members] >= weights.threshold)),
        }
        if kind in ANSWERABLE:
            part["retrieved"] = _rounded(np.mean([tested[index].labels.any() for index in members]))
            for count in (1, SHOWN):
                part[f"among first {count}"] = _rounded(
                    np.mean([_among_best(tested[index], weights.sentence, count) for index in members])
                )
        report[kind] = part
    return report


def _rounded(value: Any) -> float:
    return round(float(value), 3)


def train(data: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what goes into weights.json, the figures)"""
    lines = (data / NATURAL_QUESTIONS).read_text(encoding="utf-8").splitlines()
    outsiders = [json.loads(line)["question"] for line in lines]
    lines = (data / NATURAL_QUESTIONS_DEV).read_text(encoding="utf-8").splitlines()
    natural = random.Random(3).sample([json.loads(line) for line in lines], 240)
    others, held_out = squad_split(data / SQUAD)
    _, held_out_2 = squad2_split(data / SQUAD2)
    _, reports = news()
    _, spanish_reports = spanish()
    parts: list[list[Example]] = []
    for part, rows in enumerate((natural[:120], natural[120:])):
        worlds = [
            *squad_worlds("squad", held_out[part::2], others, 45, outsiders),
            *squad_worlds("near", held_out_2[:3] if part == 0 else held_out_2[3:], others, 60, outsiders),
            *natural_worlds(rows),
            *news_worlds(reports[part::2], outsiders),
            *news_worlds(spanish_reports[part::2], outsiders, ("spanish", "near_spanish"), SPANISH_WORLDS),
        ]
        parts.append([example for world in examples(iter(worlds)) for example in world])
    training, tested = parts
    sentence = fit_sentences(training)
    draft, bias = fit_draft(training, sentence)
    weights = Weights(sentence, draft, bias, THRESHOLD)
    values = {
        "version": 2,
        "sentence": {"weights": _named(SENTENCE_FEATURES, sentence)},
        "draft": {"weights": _named(DRAFT_FEATURES, draft), "bias": round(bias, 5)},
        "threshold": THRESHOLD,
    }
    return values, figures(tested, weights)


def _named(names: Sequence[str], weights: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(weight), 5) for name, weight in zip(names, weights, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the built-in answerer's weights.")
    parser.add_argument("--data", type=Path, required=True, help="folder with squad/ and nq/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "models" / "chooser")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    values, report = train(arguments.data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "weights.json"
    path.write_text(json.dumps({**values, "figures": report}, indent=1) + "\n", encoding="utf-8")
    log.info("%s\nwritten to %s", json.dumps(report, indent=1), path)


if __name__ == "__main__":
    main()
