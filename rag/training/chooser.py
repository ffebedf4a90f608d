"""Fits the built-in answerer's weights: which sentence answers, and whether to answer at all.

    python -m rag.training.chooser --data DIR [--out FOLDER] [--articles 84]

`DIR` holds `squad/train-v1.1.json`, `squad/dev-v2.0_partA_noxquad.json` and `nq/nq_qed_train.jsonl`. The examples go
through the program itself: a few articles become text files, a real library indexes them, and each question is put to
the real retriever, so that the weights meet what they will meet later. A world is 6 SQuAD articles of 12 paragraphs,
or 60 Natural Questions passages. 70 % of the worlds are for fitting, and no article stands in two of them.

1. Sentences: logistic regression over all candidates of the questions whose answer was retrieved (label: the sentence
   holds the answer's span).
2. Whether to answer: logistic regression (Platt scaling over `DRAFT_FEATURES`) on all questions, those that the world
   cannot answer included: human-written unanswerables (`near`), questions to other articles (`outside`) and Natural
   Questions put to SQuAD articles (`obvious`). Label: one of the three best sentences holds the answer, because three
   quotes are what is shown.
3. The threshold: the least at which at most 5 % of the `outside` and `obvious` questions are answered.

Figures are for the other 30 % of the worlds. Needs scikit-learn (extra `evals`).
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import DRAFT_FEATURES, SENTENCE_FEATURES, draft_features
from rag.answer.reader import OfflineReader, Ranked, Weights, candidates_of
from rag.index.library import Library
from rag.search.retrieve import Retriever
from rag.settings import Settings
from rag.types import Question, Span

log = logging.getLogger(__name__)

SQUAD = "squad/train-v1.1.json"
SQUAD2 = "squad/dev-v2.0_partA_noxquad.json"
NATURAL_QUESTIONS = "nq/nq_qed_train.jsonl"
PARAGRAPHS = 12  # of an article: the length of a long news report
SHOWN = 3  # quotes

# Encyclopaedia paragraphs have no headings and no questions, news pages have many: nothing to fit these on. A value of
# this size puts a heading behind every sentence that says about as much.
SET_BY_HAND = {"heading": -2.0, "is_question": -2.0}

Kind = Literal["squad", "nq", "outside", "obvious", "near"]


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
    path: Path, articles: int, probes: int, outsiders: Sequence[str], seed: int = 7
) -> Iterator[World]:
    """Worlds of six articles with `probes` questions to them.

    A sixth as many are questions to other articles, and as many again are drawn from `outsiders`.
    """
    chance = random.Random(seed)
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    chance.shuffle(data)
    data = data[:articles]
    for start in range(0, len(data) - 5, 6):
        world = World("squad")
        for article in data[start : start + 6]:
            _add_article(world, article)
        chance.shuffle(world.probes)
        del world.probes[probes:]
        others = data[:start] + data[start + 6 :]
        for article in chance.choices(others, k=probes // 6):
            asked = chance.choice(chance.choice(article["paragraphs"])["qas"])
            world.probes.append(Probe(asked["question"].strip(), "outside"))
        world.probes += [Probe(question, "obvious") for question in chance.sample(outsiders, probes // 6)]
        yield world


def _add_article(world: World, article: dict[str, Any]) -> None:
    title = article["title"].replace("_", " ")
    text = ""
    for paragraph in article["paragraphs"][:PARAGRAPHS]:
        context = paragraph["context"]
        if not unicodedata.is_normalized("NFC", context) or "\r" in context:
            continue
        for asked in paragraph["qas"]:
            spans = tuple(
                Span(
                    len(text) + answer["answer_start"],
                    len(text) + answer["answer_start"] + len(answer["text"]),
                )
                for answer in asked["answers"]
            )
            if asked.get("is_impossible"):
                world.probes.append(Probe(asked["question"].strip(), "near"))
            elif spans:
                world.probes.append(Probe(asked["question"].strip(), "squad", title, spans))
        text += context + "\n\n"
    world.texts[title] = text


def natural_worlds(path: Path, questions: int, seed: int = 3) -> Iterator[World]:
    """Worlds of sixty passages, a question to each, and ten questions to passages of other worlds."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(seed).shuffle(rows)
    spare = iter(rows[questions:])
    for start in range(0, questions, 60):
        world = World("nq")
        for number, row in enumerate(rows[start : start + 60]):
            answer = row["answers"][0]
            end = answer["answer_start"] + len(answer["text"])
            before, told = untokenised(row["context"][: answer["answer_start"]]), untokenised(answer["text"])
            text = unicodedata.normalize("NFC", untokenised(row["context"])).replace("\r", " ")
            at = text.find(told.strip(), max(0, len(before) - 15))
            if end > len(row["context"]) or at < 0 or len(text) < 80:
                continue
            title = f"{row['title']} {start + number}"
            world.texts[title] = text + "\n"
            world.probes.append(Probe(row["question"], "nq", title, (Span(at, at + len(told.strip())),)))
        world.probes += [Probe(next(spare)["question"], "outside") for _ in range(10)]
        yield world


def untokenised(text: str) -> str:
    """Natural Questions separates punctuation by blanks; news text does not."""
    text = re.sub(r"\s+([.,;:!?)\]'’%])", r"\1", text)
    text = re.sub(r"([(\[$])\s+", r"\1", text)
    return text.replace("`` ", '"').replace(" ''", '"').replace(" --", " –").replace("  ", " ")


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
                reader = OfflineReader(library.embedder, settings.answer, nothing)
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
    model = LogisticRegression(C=1.0, max_iter=500).fit(scaler.transform(rows), labels)
    weights: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    for name, value in SET_BY_HAND.items():
        weights[SENTENCE_FEATURES.index(name)] = value
    return weights


def fit_draft(
    training: Sequence[Example], sentence: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights in the features' own units, and the constant."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = np.array([_draft_row(example, sentence) for example in training])
    labels = [_among_best(example, sentence, SHOWN) for example in training]
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=1.0, max_iter=500).fit(scaler.transform(rows), labels)
    weights: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)


def _draft_row(example: Example, sentence: NDArray[np.float64]) -> NDArray[np.float64]:
    ranked = example.ranked
    return draft_features(ranked.asked, ranked.candidates, ranked.rows, ranked.rows @ sentence)


def _among_best(example: Example, sentence: NDArray[np.float64], count: int) -> bool:
    order = np.argsort(-(example.ranked.rows @ sentence), kind="stable")[:count]
    return bool(example.labels[order].any())


def confidences(tested: Sequence[Example], weights: Weights) -> NDArray[np.float64]:
    rows = np.array([_draft_row(example, weights.sentence) for example in tested])
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(rows @ weights.draft + weights.draft_bias)))
    return result


def choose_threshold(tested: Sequence[Example], values: NDArray[np.float64], answered: float = 0.05) -> float:
    """The least value, in steps of 0.01, at which at most `answered` of the outsiders have this confidence."""
    outside = np.array([example.probe.kind in {"outside", "obvious"} for example in tested])
    for step in range(1, 100):
        if float(np.mean(values[outside] >= step / 100)) <= answered:
            return step / 100
    return 0.99


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
        if kind in {"squad", "nq"}:
            part["retrieved"] = _rounded(np.mean([tested[index].labels.any() for index in members]))
            for count in (1, SHOWN):
                part[f"among first {count}"] = _rounded(
                    np.mean([_among_best(tested[index], weights.sentence, count) for index in members])
                )
        report[kind] = part
    return report


def _rounded(value: Any) -> float:
    return round(float(value), 3)


def train(data: Path, articles: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what goes into weights.json, the figures)"""
    rows = (data / NATURAL_QUESTIONS).read_text(encoding="utf-8").splitlines()
    outsiders = [json.loads(line)["question"] for line in rows]
    squad = examples(squad_worlds(data / SQUAD, articles, 60, outsiders))
    natural = examples(natural_worlds(data / NATURAL_QUESTIONS, 5 * articles))
    near = examples(squad_worlds(data / SQUAD2, 18, 200, outsiders))
    training: list[Example] = []
    tested: list[Example] = []
    for worlds in (squad, natural, near):
        cut = int(0.7 * len(worlds))
        training += [example for world in worlds[:cut] for example in world]
        tested += [example for world in worlds[cut:] for example in world]
    sentence = fit_sentences(training)
    draft, bias = fit_draft(training, sentence)
    unlimited = Weights(sentence, draft, bias, 0.0)
    threshold = choose_threshold(training, confidences(training, unlimited))
    weights = replace(unlimited, threshold=threshold)
    values = {
        "version": 1,
        "sentence": {"weights": _named(SENTENCE_FEATURES, sentence)},
        "draft": {"weights": _named(DRAFT_FEATURES, draft), "bias": round(bias, 5)},
        "threshold": threshold,
    }
    return values, figures(tested, weights)


def _named(names: Sequence[str], weights: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(weight), 5) for name, weight in zip(names, weights, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the built-in answerer's weights.")
    parser.add_argument("--data", type=Path, required=True, help="folder with squad/ and nq/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "models" / "chooser")
    parser.add_argument(
        "--articles", type=int, default=84, help="SQuAD articles; five times as many NQ passages"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    values, report = train(arguments.data, arguments.articles)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "weights.json"
    path.write_text(json.dumps({**values, "figures": report}, indent=1) + "\n", encoding="utf-8")
    log.info("%s\nwritten to %s", json.dumps(report, indent=1), path)


if __name__ == "__main__":
    main()
