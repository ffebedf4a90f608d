"""A language model in this process that says what it was told to say: a small real implementation of `LanguageModel`."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.answer.model import Tally, Usage
from rag.types import Document, Hit, Passage, Span

Reply = str | Exception | Callable[[str], str]


@dataclass
class ScriptedModel:
    """Gives `replies` in order, the last one again and again. A function gets the prompt; an error is raised.

    It counts a token for each word or mark, streams pieces of `piece` characters, and keeps every prompt.
    """

    replies: Sequence[Reply]
    spec: str = "openai-compatible:scripted@http://127.0.0.1:1/v1"
    host: str | None = None
    context_tokens: int = 8_000
    piece: int = 7
    prompts: list[tuple[str, str]] = field(default_factory=list)
    schemas: list[dict[str, Any] | None] = field(default_factory=list)
    sent: int = 0  # pieces

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def stream(
        self,
        system: str,
        prompt: str,
        *,
        schema: dict[str, Any] | None = None,
        max_tokens: int = 1024,
        stop: threading.Event | None = None,
        tally: Tally | None = None,
    ) -> Iterator[str]:
        reply = self.replies[min(len(self.prompts), len(self.replies) - 1)]
        self.prompts.append((system, prompt))
        self.schemas.append(schema)
        if isinstance(reply, Exception):
            raise reply
        text = reply if isinstance(reply, str) else reply(prompt)
        if tally is not None:
            read = self.count_tokens(system) + self.count_tokens(prompt)
            tally.add(Usage(read, self.count_tokens(text), 0.001))
        for at in range(0, len(text), self.piece):
            if stop is not None and stop.is_set():
                return
            self.sent += 1
            yield text[at : at + self.piece]


def said(text: str, *numbers: int, speaker: str | None = None, short: str | None = None) -> dict[str, Any]:
    return {"text": text, "sentences": list(numbers), "speaker": speaker, "short": short}


def reply(*statements: dict[str, Any], missing: str | None = None) -> str:
    return json.dumps({"statements": list(statements), "missing": missing}, ensure_ascii=False)


def number_of(prompt: str, words: str) -> int:
    """The number in front of the shown sentence that holds `words`."""
    found = re.search(rf"^\[(\d+)\] .*{re.escape(words)}", prompt, re.MULTILINE)
    assert found, f"{words!r} is not shown"
    return int(found[1])


def document(name: str, text: str, **known: Any) -> Document:
    return Document(name, text, "0" * 64, "text/plain", f"box/{name}.txt", **known)


def hits_of(*documents: Document) -> list[Hit]:
    return [
        Hit(Passage(each.id, 0, Span(0, len(each.text)), each.text), 1 / rank, rank, "fused")
        for rank, each in enumerate(documents, 1)
    ]
