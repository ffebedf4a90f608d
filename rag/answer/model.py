"""What the writer needs of a large language model: one small Protocol, without any heavy import.

Models that talk to servers or run in this process are made by `rag.answer.llms.make_model`; a test writes its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were paid for, and their cost in US dollars; a cost of None is unknown, not nothing.

    Requests that failed count too, with what the server reported or what was counted here.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """The sum. One unknown cost makes the sum unknown."""
        unknown = self.cost is None or other.cost is None
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            None if unknown else (self.cost or 0.0) + (other.cost or 0.0),
        )

    def __sub__(self, earlier: Usage) -> Usage:
        """What was used since `earlier`, a sum taken before from the same model."""
        unknown = self.cost is None or earlier.cost is None
        return Usage(
            self.prompt_tokens - earlier.prompt_tokens,
            self.completion_tokens - earlier.completion_tokens,
            None if unknown else (self.cost or 0.0) - (earlier.cost or 0.0),
        )


class Tally:
    """A running sum of what is used for one purpose, such as a question; empty it is nothing, at no cost.

    Whoever asks a model hands it on, so that questions asked of one model at the same time are counted apart. Threads
    may share it.
    """

    def __init__(self) -> None:
        self._sum = Usage(cost=0.0)
        self._lock = threading.Lock()

    def add(self, used: Usage) -> None:
        with self._lock:
            self._sum += used

    @property
    def usage(self) -> Usage:
        with self._lock:
            return self._sum


class LanguageModel(Protocol):
    """Turns a prompt into text. Several threads may use one model; none of these attributes ever holds a key."""

    @property
    def spec(self) -> str:
        """The SPEC it was made from (`openai:MODEL`, `llamacpp:FILE.gguf`, …)."""
        ...

    @property
    def host(self) -> str | None:
        """Where the text of a prompt goes: None is this machine, else the name of the host."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens fit into prompt and reply together. The first look may ask the server (AnswererError)."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, with the model's own tokenizer where it is at hand, else an estimate that errs high."""
        ...

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
        """The reply's text in pieces, as it arrives; never empty in all, and whole unless this raises.

        `schema` is a JSON schema that the reply should follow: enforced where the backend can, else ignored, so the
        reader of the reply checks. Once `stop` is set the iterator ends soon, without an error, and the connection
        is closed; so does closing the iterator. What is used, of failed tries and of a reply left early too, is added
        to `tally`.

        Raises:
            PromptTooLong: prompt and `max_tokens` do not fit into the context; nothing was sent.
            ReplyCut: the reply met `max_tokens` or a time limit, or the connection broke; what came is incomplete.
            ModelRefused: the model declined to reply.
            AnswererError: the server or the model failed in any other way.
        """
        ...
