"""Examples as token ids: a window of the text around the answer, claims with evidence, and batches of like length."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from rag.answer.network import put
from rag.training.claims import Claim
from rag.training.data import Example
from rag.types import Span

SHORT, LONG = (40, 120), (120, 230)  # tokens of passage; a place between is drawn for every example
LONG_SHARE = 0.3
CLAIM_TOKENS, EVIDENCE_TOKENS = 80, 230
LONGEST_ANSWER = 60  # tokens; longer ones, whole lists mostly, are left out

_BOUNDARY = re.compile(r"(?<=[.!?])[\"”’')\]»]*\s+(?=[\"“‘'(\[«¿¡]*[A-ZÁÉÍÓÚÑ0-9])|\n+")


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
