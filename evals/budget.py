"""What a run of a language model may spend, what it has spent, and when it makes no sense to go on.

Spending is looked at before each question: one that is under way is paid for to its end, so a run may pass its budget
by what `--jobs` questions take. What is spent is kept in `timings.jsonl`, one entry a question asked, and survives the
process; the tokens of a question that passed its time limit are known only to the process that asked it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.answer.model import Usage
from rag.errors import AnswererError, ModelRefused, PromptTooLong, ReplyCut, UsageError

SERVER_FAILURES = 3  # in a row that no other question would escape: refused connections, wrong keys, …
ANY_FAILURES = 10  # in a row of any kind: unreadable, cut or refused replies too

_OF_ONE_REPLY = (PromptTooLong, ReplyCut, ModelRefused)


@dataclass(frozen=True, slots=True)
class Budget:
    """`tokens` of prompts and replies together, `cost` in US dollars; None is no limit."""

    tokens: int | None = None
    cost: float | None = None

    def __bool__(self) -> bool:
        return self.tokens is not None or self.cost is not None

    def spent(self, used: Usage) -> str | None:
        """Why no more may be asked; None where more may."""
        tokens = used.prompt_tokens + used.completion_tokens
        if self.tokens is not None and tokens >= self.tokens:
            return f"the budget of {self.tokens:,} tokens is spent: {tokens:,} used"
        if self.cost is not None and used.cost is not None and used.cost >= self.cost:
            return f"the budget of ${self.cost:g} is spent: ${used.cost:.4f} used"
        return None


@dataclass
class Spending:
    """The sum over a run. Threads may add to it."""

    total: Usage
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, used: Usage) -> None:
        with self._lock:
            self.total += used


def check_priced(budget: Budget, usage: Usage | None) -> None:
    """Raise UsageError where costs are to be limited and nobody knows them. `usage` None: no language model."""
    if budget.cost is not None and usage is not None and usage.cost is None:
        raise UsageError(
            "--max-cost needs the model's prices",
            where="llm.price_prompt and llm.price_completion",
            next_step="set both (US dollars for a million tokens; 0 for a model of your own), or use --max-tokens",
        )


def usage_json(used: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "cost": None if used.cost is None else round(used.cost, 6),
    }


def sum_of(entries: Iterable[Mapping[str, Any]]) -> tuple[Usage, int]:
    """The usage of `timings.jsonl` and how many entries have one. No entry: nothing, at no cost."""
    total, count = Usage(cost=0.0), 0
    for entry in entries:
        used = entry.get("usage")
        if used:
            total += Usage(used["prompt_tokens"], used["completion_tokens"], used["cost"])
            count += 1
    return total, count


@dataclass
class Failures:
    """Watches for failures in a row."""

    of_server: int = 0
    of_any: int = 0

    def after(self, problem: BaseException | None) -> str | None:
        """Count one more question; the reason to stop, or None. What is no `AnswererError` says nothing about others."""
        if not isinstance(problem, AnswererError):
            self.of_server = self.of_any = 0
            return None
        self.of_any += 1
        self.of_server = 0 if isinstance(problem, _OF_ONE_REPLY) else self.of_server + 1
        if self.of_server >= SERVER_FAILURES or self.of_any >= ANY_FAILURES:
            count = self.of_server if self.of_server >= SERVER_FAILURES else self.of_any
            return (
                f"{count} questions in a row failed, the last with {type(problem).__name__}: {problem.what}"
            )
        return None
