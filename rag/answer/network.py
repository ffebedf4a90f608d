"""The trained reader at work: where a passage answers a question, and whether it does. Without torch.

`rag/models/reader/reader.onnx` holds six layers of BERT in 8 bits and three heads; `rag.training` made it and
`MODEL_CARD.md` beside it says how and how good it is. The rows of the word embeddings are taken from the packaged
model's mapped file, so they are not kept twice. It runs on ONNX Runtime, one passage at a time and as many at once as
there are processors: nothing is padded, and since the activations are quantised by what is in the batch, only so does
the reading of a passage depend on nothing but the passage. The last readings are kept, so that what was read to rank a
passage (`rag.search.rerank`) is not read again to answer from it (`rag.answer.reader`).
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.types import Document, Passage, Span

MODEL = Path(__file__).parents[1] / "models" / "reader" / "reader.onnx"

QUESTION_TOKENS = 60
TITLE_TOKENS = 24
WINDOW = 260  # tokens of text read at once; the passages of a library have at most 254
STRIDE = 130  # between the windows of a longer text
ANSWER_TOKENS = 30
CLAIM_TOKENS, EVIDENCE_TOKENS = 80, 230  # of a claim and of what is held against it, as in the training
MAX_PROCESSORS = 8
# Emphasis, code and headings of Markdown, which its training texts have not: "**May 2025**: He is charged …" read as it
# is loses five points of log-odds for "When …?".
_MARKUP = re.compile(r"\*+|`+|(?<!\w)_+|_+(?!\w)|^#+(?= )", re.MULTILINE)
KEPT_READINGS = 256  # of some 6 KB: enough for eight questions at once


@dataclass(frozen=True)
class Window:
    """What the network says of one run of tokens. `tokens` are character spans in the whole text, ascending.

    `start` and `end` are log-odds of the tokens against "no answer in this window", so that they compare over
    passages; `relevance` is the log-odds that the window answers.
    """

    tokens: NDArray[np.int64]  # (n, 2)
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    relevance: float

    def sums(self, low: int, high: int) -> NDArray[np.float32]:
        """(start, end) of the tokens from `low` to before `high` to the score of the span; -inf where it is none."""
        sums: NDArray[np.float32] = self.start[low:high, None] + self.end[None, low:high]
        sums[_no_span(high - low)] = -np.inf
        return sums


@lru_cache(maxsize=512)
def _no_span(count: int) -> NDArray[np.bool_]:
    """(start, end) of `count` tokens: True where the end is before the start or too far behind it."""
    length = np.arange(count)[None, :] - np.arange(count)[:, None]
    return (length < 0) | (length >= ANSWER_TOKENS)


@dataclass(frozen=True)
class Reading:
    """One passage, read for one question."""

    windows: tuple[Window, ...]

    @property
    def relevance(self) -> float:
        """Log-odds that the passage answers; very low where it has no words."""
        return max((window.relevance for window in self.windows), default=-20.0)

    def best(self, within: Span | None = None) -> tuple[Span, float] | None:
        """The best span (of the whole text or inside `within`) and its score, positive where rather answer than none.

        None where no token lies inside. Equal scores: the first.
        """
        found: tuple[Span, float] | None = None
        for window in self.windows:
            low, high = 0, len(window.tokens)
            if within is not None:
                low = int(np.searchsorted(window.tokens[:, 0], within.start))
                high = int(np.searchsorted(window.tokens[:, 1], within.end, side="right"))
            if low >= high:
                continue
            sums = window.sums(low, high)
            first, last = divmod(int(sums.argmax()), high - low)
            score = float(sums[first, last])
            if found is None or score > found[1]:
                span = Span(int(window.tokens[low + first, 0]), int(window.tokens[low + last, 1]))
                found = span, score
        return found


def agreed(parts: Sequence[tuple[Reading, int]], within: Span) -> tuple[Span, float] | None:
    """The best span inside `within` by the mean log-odds of several readings, and its score; None: no token there.

    `parts`: readings of texts that all hold the words of `within`, each with the place where its text begins. Where a
    reading has several windows, the one with most of the tokens counts, the first among equals.
    """
    inside: list[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]] = []
    for reading, base in parts:
        pieces = []
        for window in reading.windows:
            low = int(np.searchsorted(window.tokens[:, 0], within.start - base))
            high = int(np.searchsorted(window.tokens[:, 1], within.end - base, side="right"))
            if low < high:
                pieces.append((window.tokens[low:high] + base, window.start[low:high], window.end[low:high]))
        if pieces:
            inside.append(max(pieces, key=lambda piece: len(piece[0])))
    if not inside:
        return None
    starts = reduce(np.intersect1d, [tokens[:, 0] for tokens, _, _ in inside])
    if not len(starts):
        return None
    rows = [np.searchsorted(tokens[:, 0], starts) for tokens, _, _ in inside]
    start = np.mean([part[1][row] for part, row in zip(inside, rows, strict=True)], axis=0)
    end = np.mean([part[2][row] for part, row in zip(inside, rows, strict=True)], axis=0)
    tokens = inside[0][0][rows[0]]
    return Reading((Window(tokens, start, end, 0.0),)).best()


def put(question: str, answer: str) -> str:
    """A question with an answer put to it, as a claim for `ReaderNetwork.support`: is this the answer?"""
    return f"{question.rstrip('? ')}? {answer}"


def heading_of(document: Document, passage: Passage) -> str:
    """What stands before a passage when it is read: the document's title and the heading above, where they are known."""
    return " ".join(part for part in (document.title, passage.heading) if part)


class ReaderNetwork:
    """Loads at first use (some 0.1 s). Safe for several threads."""

    def __init__(self, path: Path = MODEL, keep: int = KEPT_READINGS) -> None:
        """`keep`: how many readings stay in memory, those longest unused go first."""
        self._path = path
        self._keep = keep
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._readings: OrderedDict[tuple[str, str, str], Reading] = OrderedDict()

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """One reading for each (title, text), in order; the title may be empty.

        What is still in memory, or stands here twice, is not read again. Two threads that ask the same at the same
        moment may both read.
        """
        keys = [(question, title, text) for title, text in passages]
        known: dict[tuple[str, str, str], Reading] = {}
        with self._lock:
            for key in keys:
                if key in self._readings:
                    self._readings.move_to_end(key)
                    known[key] = self._readings[key]
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            fresh = self._read(question, [(title, text) for _, title, text in missing])
            known.update(zip(missing, fresh, strict=True))
            with self._lock:
                for key in missing:
                    self._readings[key] = known[key]
                    self._readings.move_to_end(key)
                while len(self._readings) > self._keep:
                    self._readings.popitem(last=False)
        return [known[key] for key in keys]

    def _read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        loaded = self._load()
        asked = loaded.ids(question)[:QUESTION_TOKENS]
        jobs: list[tuple[list[int], list[int], NDArray[np.int64], int]] = []
        for number, (title, text) in enumerate(passages):
            head = [loaded.first, *asked, loaded.separator]
            types = [0] * len(head)
            if title:
                head += [*loaded.ids(title)[:TITLE_TOKENS], loaded.separator]
            found = loaded.tokenizer.encode(_clean(text), add_special_tokens=False)
            offsets = np.array(found.offsets, np.int64).reshape(-1, 2)
            for start in _starts(len(found.ids)):
                body = found.ids[start : start + WINDOW]
                ids = [*head, *body, loaded.separator]
                kinds = types + [1] * (len(ids) - len(types))
                jobs.append((ids, kinds, offsets[start : start + WINDOW], number))
        # The longest first, so that no processor is left with it at the end.
        order = sorted(range(len(jobs)), key=lambda job: -len(jobs[job][0]))
        windows: list[Window | None] = [None] * len(jobs)

        def run(job: int) -> None:
            ids, kinds, offsets, _ = jobs[job]
            windows[job] = loaded.window(ids, kinds, offsets)

        list(loaded.pool.map(run, order))
        readings: list[list[Window]] = [[] for _ in passages]
        for window, (_, _, _, number) in zip(windows, jobs, strict=True):
            if window is not None:
                readings[number].append(window)
        return [Reading(tuple(found)) for found in readings]

    def has_support(self) -> bool:
        """Whether it can tell if a text supports a claim: a network of an older version cannot."""
        return any(output.name == "support" for output in self._load().session.get_outputs())

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """For each (claim, evidence) the log-odds that the evidence supports the claim, in order; not calibrated.

        The evidence is cut after `EVIDENCE_TOKENS`.
        """
        loaded = self._load()

        def run(pair: tuple[str, str]) -> float:
            claim, evidence = loaded.ids(pair[0])[:CLAIM_TOKENS], loaded.ids(pair[1])[:EVIDENCE_TOKENS]
            ids = [loaded.first, *claim, loaded.separator, *evidence, loaded.separator]
            types = [0] * (len(claim) + 2) + [1] * (len(evidence) + 1)
            return loaded.support(ids, types)

        return list(loaded.pool.map(run, pairs))

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded(self._path)
            return self._loaded


class _Loaded:
    def __init__(self, path: Path) -> None:
        from rag.index.embed import packaged_model, packaged_tokenizer
        from rag.index.engine_onnx import import_onnxruntime
        from rag.index.minilm import load_weights

        self.words = load_weights(packaged_model() / "model.safetensors").words
        self.tokenizer = packaged_tokenizer()
        self.first, self.separator = self.tokenizer.encode("").ids
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.pool = ThreadPoolExecutor(min(MAX_PROCESSORS, _processors()), "reader")

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(_clean(text), add_special_tokens=False).ids
        return found

    def window(self, ids: list[int], types: list[int], offsets: NDArray[np.int64]) -> Window:
        spans, relevance = self.session.run(["spans", "relevance"], self._inputs(ids, types))
        logits = spans[0] - spans[0, 0]
        first = len(ids) - 1 - len(offsets)
        return Window(offsets, logits[first:-1, 0], logits[first:-1, 1], float(relevance[0, 0]))

    def support(self, ids: list[int], types: list[int]) -> float:
        (support,) = self.session.run(["support"], self._inputs(ids, types))
        return float(support[0, 0])

    def _inputs(self, ids: list[int], types: list[int]) -> dict[str, Any]:
        return {"words": self.words[np.array(ids, np.int64)][None], "types": np.array([types], np.int64)}


@cache
def shipped_network() -> ReaderNetwork:
    """One for the process: a model is loaded once, and what one part of the program read, no other reads again."""
    return ReaderNetwork()


def _starts(count: int) -> range:
    """Where the windows of a text of `count` tokens begin; none for an empty text."""
    if count <= WINDOW:
        return range(0, count, WINDOW)
    return range(0, count - STRIDE, STRIDE)


def _clean(text: str) -> str:
    """As many characters: no unpaired surrogates, which no tokenizer takes, and spaces for the marks of Markdown."""
    return _MARKUP.sub(lambda mark: " " * len(mark[0]), text.encode("utf-8", "replace").decode())


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
