"""What the reader learns from: questions with passages, from the public data sets and written for this project.

Sources (folder `--data`): `squad/train-v1.1.json` without `HELD_OUT` articles, `nq/nq_qed_train.jsonl`, `qamr/dev.jsonl`,
`squadshifts/amazon_reviews_v1.0.json` and `squad/dev-v2.0_partA_noxquad.json` without its last five articles; claims
with evidence from `rag.training.claims`. XQuAD is a test and is never read here.

Written for this project over paragraphs of SQuAD are near misses (`near_misses.jsonl` beside this module: questions only,
the paragraphs are named by article and number) and questions in other words than the paragraph's (`rephrased.jsonl`), and
news texts with both kinds of questions (`news.jsonl`), and the same in Spanish (`spanish.jsonl`: Spanish texts with
questions in Spanish and some in English, and Spanish questions to English texts). `rag.training.stream` mixes all this
and makes more near misses.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.sentences import sentences
from rag.types import Span
from rag.words import words

SQUAD = "squad/train-v1.1.json"
SQUAD2 = "squad/dev-v2.0_partA_noxquad.json"
NATURAL_QUESTIONS = "nq/nq_qed_train.jsonl"
QAMR = "qamr/dev.jsonl"
AMAZON = "squadshifts/amazon_reviews_v1.0.json"
NEAR_MISSES = Path(__file__).with_name("near_misses.jsonl")
REPHRASED = Path(__file__).with_name("rephrased.jsonl")
NEWS = Path(__file__).with_name("news.jsonl")
SPANISH = Path(__file__).with_name("spanish.jsonl")
HELD_OUT = 12  # articles of SQuAD, drawn evenly, that are never trained on
HELD_OUT_2 = 5  # the last articles of the part of SQuAD 2.0
HELD_OUT_NEWS = 8  # one news text in so many, of either language


def untokenised(text: str) -> str:
    """Natural Questions separates punctuation by blanks; news text does not."""
    text = re.sub(r"\s+([.,;:!?)\]'’%])", r"\1", text)
    text = re.sub(r"([(\[$])\s+", r"\1", text)
    return text.replace("`` ", '"').replace(" ''", '"').replace(" --", " –").replace("  ", " ")


@dataclass(frozen=True)
class Example:
    """A question, a text, and the place of the answer in the text (None: the text does not answer it)."""

    question: str
    title: str
    text: str
    answer: Span | None
    near: Span | None = None  # what a window of the text should show where there is no answer


@dataclass(frozen=True)
class Article:
    title: str
    texts: tuple[str, ...]
    examples: tuple[Example, ...]


def squad_articles(path: Path) -> list[Article]:
    """The articles of a file in SQuAD's format, unanswerable questions included."""
    articles = []
    for entry in json.loads(path.read_text(encoding="utf-8"))["data"]:
        title = entry.get("title", "").replace("_", " ")
        examples = []
        for paragraph in entry["paragraphs"]:
            for asked in paragraph["qas"]:
                answer = near = None
                if asked.get("is_impossible"):
                    near = _place((asked.get("plausible_answers") or [None])[0])
                else:
                    answer = _place(asked["answers"][0])
                examples.append(Example(asked["question"].strip(), title, paragraph["context"], answer, near))
        articles.append(
            Article(title, tuple(paragraph["context"] for paragraph in entry["paragraphs"]), tuple(examples))
        )
    return articles


def _place(answer: dict[str, Any] | None) -> Span | None:
    if answer is None:
        return None
    return Span(answer["answer_start"], answer["answer_start"] + len(answer["text"]))


def squad_split(path: Path) -> tuple[list[Article], list[Article]]:
    """(to train on, held out): every n-th article is held out, so that all parts of the alphabet are."""
    articles = squad_articles(path)
    step = max(2, len(articles) // HELD_OUT)
    held_out = [article for index, article in enumerate(articles) if index % step == step // 2][:HELD_OUT]
    return [article for article in articles if article not in held_out], held_out


def squad2_split(path: Path) -> tuple[list[Article], list[Article]]:
    """(to train on, held out)"""
    articles = squad_articles(path)
    return articles[:-HELD_OUT_2], articles[-HELD_OUT_2:]


def tokenised_examples(path: Path) -> list[Example]:
    """Natural Questions or QAMR, with punctuation put back in its place."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answer = row["answers"][-1]
        before = untokenised(row["context"][: answer["answer_start"]])
        told = untokenised(answer["text"]).strip()
        text = unicodedata.normalize("NFC", untokenised(row["context"])).replace("\r", " ")
        at = text.find(told, max(0, len(before) - 15))
        if told and 0 <= at <= len(before) + 15:
            span = Span(at, at + len(told))
            found.append(Example(row["question"], row.get("title", ""), text, span))
    return found


def near_misses(articles: Sequence[Article], path: Path = NEAR_MISSES) -> list[Example]:
    """The written near misses on paragraphs of `articles`; those on other articles are left out.

    A line is `{"article", "paragraph" (its number in the article), "question", "near": [start, end]}`; `near` is the
    place that a careless reader would give.
    """
    return [
        Example(row["question"], row["article"], text, None, Span(*row["near"]))
        for row, text in _written(articles, path)
    ]


def rephrased(articles: Sequence[Article], path: Path = REPHRASED) -> list[Example]:
    """The written questions in other words than the paragraph's, with `"answer": [start, end]` instead of `near`."""
    return [
        Example(row["question"], row["article"], text, Span(*row["answer"]))
        for row, text in _written(articles, path)
    ]


def _written(articles: Sequence[Article], path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    texts = {article.title: article.texts for article in articles}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["article"] in texts:
            yield row, texts[row["article"]][row["paragraph"]]


def news(path: Path = NEWS) -> tuple[list[Article], list[Article]]:
    """(to train on, held out): an article for each text, with its questions and near misses.

    A line is `{"title", "text", "asked": [{"q", "a"}], "near_misses": [{"q", "near"}]}`; `a` and `near` are words of the
    text, see `place_of`. The title may be null.
    """
    parts: tuple[list[Article], list[Article]] = ([], [])
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        text, title = row["text"], row["title"] or ""

        examples = [
            Example(one["q"], title, text, place_of(one["a"], text, one["q"])) for one in row["asked"]
        ]
        examples += [
            Example(one["q"], title, text, None, place_of(one["near"], text, one["q"]))
            for one in row["near_misses"]
        ]
        parts[number % HELD_OUT_NEWS == HELD_OUT_NEWS - 1].append(Article(title, (text,), tuple(examples)))
    return parts


def place_of(told: str, text: str, question: str) -> Span:
    """Where `text` has these words. Raises ValueError where nowhere.

    Not inside others, if it can be ("7" in "17"); where they stand several times, in the sentence or row, and in it in
    the clause or cell, that shares most words with the question; the first among equals.
    """
    plain = re.escape(told)
    places = _parts(rf"(?<!\w){plain}(?!\w)", text) or _parts(plain, text)
    if not places:
        raise ValueError(f"{told!r} does not stand in the text that begins {text[:40]!r}")
    if len(places) == 1:
        return places[0]
    asked = {word.key for word in words(question) if not word.stop}
    lines = _parts(r"[^\n]+", text)  # rows of a table are lines without a stop
    within = [span.shifted(line.start) for line in lines for span in sentences(line.of(text))]
    clauses = _parts(r"[^\n;,]+", text)

    def shared(place: Span, parts: Sequence[Span]) -> int:
        around = next((span for span in parts if span.overlaps(place)), place)
        return len(asked & {word.key for word in words(around.of(text))})

    return max(places, key=lambda place: (shared(place, within), shared(place, clauses), -place.start))


def _parts(pattern: str, text: str) -> list[Span]:
    return [Span(*match.span()) for match in re.finditer(pattern, text)]


def spanish() -> tuple[list[Article], list[Article]]:
    """As `news`, of the Spanish file; held out are only texts of which no question is trained on in English either."""
    train, held = news(SPANISH)
    known = {article.texts for article in news()[0]}
    return train, [article for article in held if article.texts not in known]
