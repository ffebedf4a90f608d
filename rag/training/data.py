"""What the reader learns from: questions with passages, from the public data sets, as token ids.

Sources (folder `--data`): `squad/train-v1.1.json` without `HELD_OUT` articles, `nq/nq_qed_train.jsonl`, `qamr/dev.jsonl`,
`squadshifts/amazon_reviews_v1.0.json` and `squad/dev-v2.0_partA_noxquad.json` without its last five articles; claims
with evidence from `rag.training.claims`. XQuAD is a test and is never read here.

Where a data set has no unanswerable questions they are made: the paragraph of the same article that shares the most
words with the question and lacks the answer; the right paragraph under a question changed as `rag.training.edits` does;
the right paragraph without the sentence that answers; and near misses written for this project over paragraphs of SQuAD
(`near_misses.jsonl` beside this module: questions only, the paragraphs are named by article and number). Written for
this project too are questions in other words than the paragraph's (`rephrased.jsonl`), and news texts with both kinds of
questions (`news.jsonl`).
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from rag.answer.network import put
from rag.sentences import sentences
from rag.training import claims, edits
from rag.training.claims import Claim
from rag.types import Span

SQUAD = "squad/train-v1.1.json"
SQUAD2 = "squad/dev-v2.0_partA_noxquad.json"
NATURAL_QUESTIONS = "nq/nq_qed_train.jsonl"
QAMR = "qamr/dev.jsonl"
AMAZON = "squadshifts/amazon_reviews_v1.0.json"
NEAR_MISSES = Path(__file__).with_name("near_misses.jsonl")
REPHRASED = Path(__file__).with_name("rephrased.jsonl")
NEWS = Path(__file__).with_name("news.jsonl")
HELD_OUT = 12  # articles of SQuAD, drawn evenly, that are never trained on
HELD_OUT_2 = 5  # the last articles of the part of SQuAD 2.0
HELD_OUT_NEWS = 8  # one news text in so many

# Share of each source in the stream of examples.
SHARES = {
    "squad": 0.34,
    "rephrased": 0.03,  # ours
    "squad_other": 0.06,  # another paragraph of the article
    "squad_changed": 0.03,  # a changed question
    "squad_removed": 0.04,  # the paragraph without the sentence that answers
    "squad2": 0.07,
    "near_misses": 0.08,  # ours
    "news": 0.05,  # ours
    "news_near": 0.06,
    "nq": 0.05,
    "nq_other": 0.01,
    "qamr": 0.02,
    "amazon": 0.025,
    "claims": 0.035,  # recorded ones
    "claims_made": 0.03,
    "claims_news": 0.01,
    "answers": 0.025,  # a question with an answer put to it
    "answers_near": 0.035,  # of those with human or written near misses
}
SHORT, LONG = (40, 120), (120, 230)  # tokens of passage; a place between is drawn for every example
LONG_SHARE = 0.3
CLAIM_TOKENS, EVIDENCE_TOKENS = 80, 230
LONGEST_ANSWER = 60  # tokens; longer ones, whole lists mostly, are left out

_BOUNDARY = re.compile(r"(?<=[.!?])[\"”’')\]]*\s+(?=[\"“‘'(\[]?[A-Z0-9])|\n+")
_WORD = re.compile(r"\w{3,}")


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


@dataclass(frozen=True)
class Encoded:
    """Token ids; `start` and `end` (inclusive) are places in them, both 0 where the passage does not answer.

    `supported` is set for a claim with its evidence, which has no places.
    """

    ids: list[int]
    types: list[int]
    start: int
    end: int
    supported: bool | None = None


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
    text, their first occurrence counts. The title may be null.
    """
    parts: tuple[list[Article], list[Article]] = ([], [])
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        text, title = row["text"], row["title"] or ""

        def place(told: str, text: str = text) -> Span:
            start = text.index(told)
            return Span(start, start + len(told))

        examples = [Example(one["q"], title, text, place(one["a"])) for one in row["asked"]]
        examples += [Example(one["q"], title, text, None, place(one["near"])) for one in row["near_misses"]]
        parts[number % HELD_OUT_NEWS == HELD_OUT_NEWS - 1].append(Article(title, (text,), tuple(examples)))
    return parts


class Windows:
    """Token ids of examples: the text is cut at sentences to a window around the answer, at a random place."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._first, self._separator = tokenizer.encode("").ids
        self._texts: dict[str, tuple[list[int], list[tuple[int, int]], list[int]]] = {}

    def encode(self, example: Example, chance: random.Random, longest: int | None = None) -> Encoded | None:
        """None where the answer is too long or has no tokens. `longest` set: the window is that long."""
        ids, offsets, cuts = self._text(example.text)
        place = example.answer or example.near
        inside = [
            index
            for index, (start, end) in enumerate(offsets)
            if place is not None and start < place.end and end > place.start
        ]
        if example.answer is not None and not inside:
            return None
        if not inside:
            inside = [chance.randrange(len(ids))] if ids else []
        if not inside:
            return None
        room = longest or int(chance.uniform(*(LONG if chance.random() < LONG_SHARE else SHORT)))
        if example.answer is not None and inside[-1] - inside[0] >= min(room, LONGEST_ANSWER):
            return None
        inside = inside[:room]
        first, last = _window(cuts, len(ids), inside[0], inside[-1], room, chance)
        question = self._tokenizer.encode(example.question, add_special_tokens=False).ids[:60]
        head = [self._first, *question, self._separator]
        types = [0] * len(head)
        if example.title:
            title = self._tokenizer.encode(example.title, add_special_tokens=False).ids[:24]
            head += [*title, self._separator]
        shift = len(head) - first
        ids = [*head, *ids[first:last], self._separator]
        types += [1] * (len(ids) - len(types))
        if example.answer is None:
            return Encoded(ids, types, 0, 0)
        return Encoded(ids, types, inside[0] + shift, inside[-1] + shift)

    def answer(self, example: Example, told: Span, right: bool, chance: random.Random) -> Encoded | None:
        """The question with an answer from the text put to it, as a claim about a window around that; None: no tokens."""
        ids, offsets, cuts = self._text(example.text)
        inside = [
            index for index, (start, end) in enumerate(offsets) if start < told.end and end > told.start
        ]
        if not inside or len(inside) > LONGEST_ANSWER // 2:
            return None
        first, last = _window(cuts, len(ids), inside[0], inside[-1], int(chance.uniform(*SHORT)), chance)
        shown = example.text[offsets[first][0] : offsets[last - 1][1]]
        return self.claim(Claim(put(example.question, told.of(example.text)), shown, right))

    def claim(self, claim: Claim) -> Encoded:
        told = self._tokenizer.encode(claim.text, add_special_tokens=False).ids[:CLAIM_TOKENS]
        shown = self._tokenizer.encode(claim.evidence, add_special_tokens=False).ids[:EVIDENCE_TOKENS]
        ids = [self._first, *told, self._separator, *shown, self._separator]
        types = [0] * (len(told) + 2) + [1] * (len(shown) + 1)
        return Encoded(ids, types, 0, 0, claim.supported)

    def _text(self, text: str) -> tuple[list[int], list[tuple[int, int]], list[int]]:
        """Ids, character offsets, and the indexes of the tokens that open a sentence (0 among them)."""
        if text not in self._texts:
            found = self._tokenizer.encode(text, add_special_tokens=False)
            openings = {match.end() for match in _BOUNDARY.finditer(text)}
            cuts = [index for index, (start, _) in enumerate(found.offsets) if index and start in openings]
            self._texts[text] = found.ids, found.offsets, [0, *cuts]
        return self._texts[text]


def _window(
    cuts: Sequence[int], count: int, first: int, last: int, room: int, chance: random.Random
) -> tuple[int, int]:
    """Whole sentences around the tokens `first` to `last`, `room` tokens at most where they allow it."""
    ends = [*cuts[1:], count]
    low = max(index for index, cut in enumerate(cuts) if cut <= first)
    high = max(index for index, cut in enumerate(cuts) if cut <= last)
    if ends[high] - cuts[low] > room:
        start = max(cuts[low], last + 1 - room, first - chance.randrange(room))
        return min(start, first), min(ends[high], max(last + 1, start + room))
    while True:
        options = []
        if low > 0 and ends[high] - cuts[low - 1] <= room:
            options.append((low - 1, high))
        if high + 1 < len(cuts) and ends[high + 1] - cuts[low] <= room:
            options.append((low, high + 1))
        if not options:
            return cuts[low], ends[high]
        low, high = chance.choice(options)


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
    _asked: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # (question, answer) by paragraph

    def load(self) -> None:
        articles, _ = squad_split(self.data / SQUAD)
        self._articles = {article.title: article.texts for article in articles}
        squad = [example for article in articles for example in article.examples]
        more = [example for article in squad2_split(self.data / SQUAD2)[0] for example in article.examples]
        near, others = near_misses(articles), rephrased(articles)
        told = news()[0]
        reports = [example for article in told for example in article.examples]
        self._news_texts = tuple(article.texts[0] for article in told)
        natural = tokenised_examples(self.data / NATURAL_QUESTIONS)
        self._natural_texts = tuple(sorted({example.text for example in natural}))
        for example in (*squad, *reports):
            if example.answer is not None:
                asked = self._asked.setdefault(example.text, [])
                asked.append((example.question, example.answer.of(example.text)))
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
            "nq": natural,
            "nq_other": natural,
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
        return claims.made(example.text, self._asked[example.text], pages, chance)

    def _answer(self, windows: Windows, example: Example, chance: random.Random) -> Encoded | None:
        """A question with its answer, or with what a careless reader would give; some with another's answer."""
        told, right = example.answer or example.near, example.answer is not None
        if right and chance.random() < 0.5:
            others = [
                place
                for _, answer in self._asked.get(example.text, ())
                if (place := _first(example.text, answer))
                and example.answer
                and not place.overlaps(example.answer)
            ]
            told, right = (chance.choice(others), False) if others else (told, right)
        if chance.random() < 0.15:
            example = replace(example, question=example.question.lower().rstrip("?").strip())
        return None if told is None else windows.answer(example, told, right, chance)

    def _prepared(self, name: str, example: Example, chance: random.Random) -> Example | None:
        """The example as this source gives it; some questions without capitals, some without a title."""
        changed: Example | None = example
        if name == "squad_other":
            changed = self._other(example, self._articles[example.title])
        elif name == "nq_other":
            few = min(150, len(self._natural_texts))
            changed = self._other(example, chance.sample(self._natural_texts, few))
        elif name == "squad_changed":
            changed = self._changed(example, chance)
        elif name == "squad_removed":
            changed = self._removed(example)
        if changed is None:
            return None
        if chance.random() < 0.15:
            changed = replace(changed, question=changed.question.lower().rstrip("?").strip())
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


def _first(text: str, told: str) -> Span | None:
    at = text.find(told)
    return None if at < 0 else Span(at, at + len(told))


def _shared(text: str, asked: frozenset[str]) -> Span | None:
    """The longest word of the text that the question has, so that a window shows it."""
    found = [Span(*match.span()) for match in _WORD.finditer(text) if match[0].casefold() in asked]
    return max(found, key=lambda span: (len(span), -span.start), default=None)


def batches(examples: Iterator[Encoded], tokens: int, seed: int = 11) -> Iterator[list[Encoded]]:
    """Batches of about `tokens` padded tokens, members of like length: 40 batches are drawn, sorted and shuffled."""
    chance = random.Random(seed)
    while True:
        pool: list[Encoded] = []
        total = 0
        while total < 40 * tokens:
            pool.append(next(examples))
            total += len(pool[-1].ids)
        pool.sort(key=lambda example: len(example.ids))
        groups: list[list[Encoded]] = [[]]
        for example in pool:
            if len(example.ids) * (len(groups[-1]) + 1) > tokens:
                groups.append([])
            groups[-1].append(example)
        chance.shuffle(groups)
        yield from groups
