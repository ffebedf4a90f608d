"""The endless stream of examples that the reader learns from: every source in its share, and near misses made of others.

Where a data set has no unanswerable questions they are made: the paragraph of the same article that shares the most
words with the question and lacks the answer; the right paragraph under a question changed as `rag.training.edits` does;
the right paragraph without the sentence that answers; a text about something else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from rag.sentences import sentences
from rag.training import claims, edits
from rag.training.claims import Claim
from rag.training.data import (
    AMAZON,
    NATURAL_QUESTIONS,
    QAMR,
    SQUAD,
    SQUAD2,
    Example,
    near_misses,
    news,
    rephrased,
    spanish,
    squad2_split,
    squad_articles,
    squad_split,
    tokenised_examples,
)
from rag.training.windows import Encoded, Windows
from rag.types import Span

# Share of each source in the stream of examples.
SHARES = {
    "squad": 0.22,
    "rephrased": 0.03,  # ours
    "squad_other": 0.04,  # another paragraph of the article
    "squad_changed": 0.015,  # a changed question
    "squad_removed": 0.03,  # the paragraph without the sentence that answers
    "squad2": 0.08,
    "near_misses": 0.085,  # ours
    "news": 0.075,  # ours
    "news_near": 0.11,
    "spanish": 0.045,  # ours
    "spanish_near": 0.03,
    "nq": 0.05,
    "nq_other": 0.01,
    "strange": 0.085,  # any question with a text about something else
    "qamr": 0.01,
    "amazon": 0.01,
    "claims": 0.02,  # recorded ones
    "claims_made": 0.015,
    "claims_news": 0.01,
    "answers": 0.01,  # a question with an answer put to it
    "answers_near": 0.02,  # of those with human or written near misses
}
_WORD = re.compile(r"\w{3,}")


@dataclass
class Stream:
    """An endless, repeatable stream of encoded examples, mixed by `SHARES`."""

    data: Path
    tokenizer: Tokenizer
    seed: int = 5
    _sources: dict[str, list[Any]] = field(default_factory=dict)
    _articles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _keys: dict[str, frozenset[str]] = field(default_factory=dict)
    _natural_texts: tuple[str, ...] = ()
    _news_texts: tuple[str, ...] = ()
    _any_texts: tuple[tuple[str, ...], ...] = ()  # by source
    _asked: dict[str, list[tuple[str, Span]]] = field(default_factory=dict)  # (question, answer) by paragraph

    def load(self) -> None:
        articles, _ = squad_split(self.data / SQUAD)
        self._articles = {article.title: article.texts for article in articles}
        squad = [example for article in articles for example in article.examples]
        more = [example for article in squad2_split(self.data / SQUAD2)[0] for example in article.examples]
        near, others = near_misses(articles), rephrased(articles)
        told = news()[0]
        mixed = [example for article in spanish()[0] for example in article.examples]
        reports = [example for article in told for example in article.examples]
        self._news_texts = tuple(article.texts[0] for article in told)
        self._any_texts = (
            self._news_texts,
            tuple(sorted({example.text for example in mixed})),
            tuple(text for article in articles for text in article.texts),
        )
        natural = tokenised_examples(self.data / NATURAL_QUESTIONS)
        self._natural_texts = tuple(sorted({example.text for example in natural}))
        for example in (*squad, *reports):
            if example.answer is not None:
                self._asked.setdefault(example.text, []).append((example.question, example.answer))
        self._sources = {
            "squad": squad,
            "squad_other": squad,
            "squad_changed": squad,
            "squad_removed": squad,
            "squad2": more,
            "rephrased": others,
            "near_misses": near,
            "news": [example for example in reports if example.answer],
            "news_near": [example for example in reports if not example.answer],
            "spanish": [example for example in mixed if example.answer],
            "spanish_near": [example for example in mixed if not example.answer],
            "nq": natural,
            "nq_other": natural,
            "strange": [*squad, *others, *natural, *reports, *(4 * mixed)],  # the Spanish ones are few
            "qamr": tokenised_examples(self.data / QAMR),
            "amazon": [
                replace(example, title="")
                for article in squad_articles(self.data / AMAZON)
                for example in article.examples
            ],
            "claims": claims.recorded(self.data / claims.FOLDER)[0],
            "claims_made": squad,
            "claims_news": reports,
            "answers": [*squad, *natural],
            "answers_near": [*more, *near, *others, *reports],
        }

    def examples(self) -> Iterator[Encoded]:
        """Every source in a new random order each time that it has been used up."""
        if not self._sources:
            self.load()
        chance = random.Random(self.seed)
        windows = Windows(self.tokenizer)
        names = [name for name in SHARES if self._sources[name]]
        weights = [SHARES[name] for name in names]
        waiting: dict[str, list[Any]] = {name: [] for name in names}
        while True:
            name = chance.choices(names, weights)[0]
            if not waiting[name]:
                waiting[name] = chance.sample(self._sources[name], len(self._sources[name]))
            drawn = waiting[name].pop()
            if name.startswith("answers"):
                judged = self._answer(windows, drawn, chance)
                if judged:
                    yield judged
                continue
            if name.startswith("claims"):
                claim = drawn if name == "claims" else self._claim(name, drawn, chance)
                if claim is not None:
                    yield windows.claim(claim)
                continue
            example = self._prepared(name, drawn, chance)
            encoded = example and windows.encode(example, chance)
            if encoded:
                yield encoded

    def _claim(self, source: str, example: Example, chance: random.Random) -> Claim | None:
        pages = (
            self._articles[example.title] if source == "claims_made" else chance.sample(self._news_texts, 4)
        )
        asked = [(question, answer.of(example.text)) for question, answer in self._asked[example.text]]
        return claims.made(example.text, asked, pages, chance)

    def _answer(self, windows: Windows, example: Example, chance: random.Random) -> Encoded | None:
        """A question with its answer, or with what a careless reader would give; some with another's answer."""
        told, right = example.answer or example.near, example.answer is not None
        if right and chance.random() < 0.5:
            others = [
                answer
                for _, answer in self._asked.get(example.text, ())
                if example.answer and not answer.overlaps(example.answer)
            ]
            told, right = (chance.choice(others), False) if others else (told, right)
        if chance.random() < 0.15:
            example = _typed(example)
        return None if told is None else windows.answer(example, told, right, chance)

    def _prepared(self, name: str, example: Example, chance: random.Random) -> Example | None:
        """The example as this source gives it; some questions without capitals, some without a title."""
        changed: Example | None = example
        if name == "squad_other":
            changed = self._other(example, self._articles[example.title])
        elif name == "nq_other":
            few = min(150, len(self._natural_texts))
            changed = self._other(example, chance.sample(self._natural_texts, few))
        elif name == "strange":
            text = chance.choice(chance.choice(self._any_texts))
            changed = replace(example, title="", text=text, answer=None, near=None)
            changed = None if text == example.text else changed
        elif name == "squad_changed":
            changed = self._changed(example, chance)
        elif name == "squad_removed":
            changed = self._removed(example)
        if changed is None:
            return None
        if chance.random() < 0.15:
            changed = _typed(changed)
        elif name.startswith("nq") and chance.random() < 0.3:
            changed = replace(changed, question=changed.question.capitalize() + "?")
        if chance.random() < 0.5:
            changed = replace(changed, title="")
        return changed

    def _other(self, example: Example, texts: Sequence[str]) -> Example | None:
        """The text most like the question that does not hold the answer."""
        if example.answer is None:
            return None
        told, asked = example.answer.of(example.text).casefold(), self._words(example.question)
        best = max(
            (text for text in texts if text != example.text and told not in text.casefold()),
            key=lambda text: (len(asked & self._words(text)), text),
            default=None,
        )
        return None if best is None else replace(example, text=best, answer=None, near=_shared(best, asked))

    def _changed(self, example: Example, chance: random.Random) -> Example | None:
        """The question with another number or name, an opposite, a "not", or one condition more."""
        article = self._articles[example.title]
        pages = chance.sample(article, min(4, len(article)))
        kinds = [
            edits.exchanged(example.question, example.text, pages, chance),
            edits.reversed_meaning(example.question, chance),
            edits.conditions(example.question, example.text, pages, chance),
        ]
        kind = chance.choices([0, 1, 2], [0.5, 0.3, 0.2])[0]
        if not kinds[kind]:
            return None
        question = edits.apply(example.question, chance.choice(kinds[kind]))
        return replace(example, question=question, answer=None, near=example.answer)

    def _removed(self, example: Example) -> Example | None:
        """The text without the sentences that hold the answer; None where it is told again elsewhere."""
        if example.answer is None:
            return None
        told = example.answer.of(example.text).casefold()
        kept = [
            span.of(example.text)
            for span in sentences(example.text, "en")
            if not span.overlaps(example.answer)
        ]
        text = " ".join(kept)
        if not kept or told in text.casefold():
            return None
        return replace(example, text=text, answer=None, near=_shared(text, self._words(example.question)))

    def _words(self, text: str) -> frozenset[str]:
        if text not in self._keys:
            self._keys[text] = frozenset(match[0].casefold() for match in _WORD.finditer(text))
        return self._keys[text]


def _typed(example: Example) -> Example:
    """The question as people type it: without capitals and question marks."""
    return replace(example, question=example.question.lower().strip("¿? "))


def _shared(text: str, asked: frozenset[str]) -> Span | None:
    """The longest word of the text that the question has, so that a window shows it."""
    found = [Span(*match.span()) for match in _WORD.finditer(text) if match[0].casefold() in asked]
    return max(found, key=lambda span: (len(span), -span.start), default=None)
