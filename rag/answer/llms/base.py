"""What all models share: counting before sending, time limits, tries with waits between them, and what was used.

A subclass looks at its model (`_look`) and replies (`_reply`), both inside the thread of a `Call`.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from rag.answer.llms.calls import Call, Emit, Failed, Late, Piece, Request, watched
from rag.answer.llms.specs import Spec
from rag.answer.model import Tally, Usage
from rag.errors import AnswererError, ModelRefused, PromptTooLong, ReplyCut
from rag.settings import LlmSettings
from rag.wording import Phrase, Way

_MESSAGE_TOKENS = 24  # what a chat template adds around a system and a user message, at most
_FIRST_WAIT_S = (
    0.5  # before the second try; doubled for each further one, and spread by half to one and a half
)
_LONGEST_WAIT_S = 20.0
_LOAD_S = (
    600.0  # to read tens of gigabytes of weights from a slow disk; a server is asked with limits of its own
)
# A reply that outruns its limit so far comes from a server that ignores the limit.
_MAX_PIECES_PER_TOKEN = 2
_MAX_CHARACTERS_PER_TOKEN = 16
# Marks by which chat templates tell who speaks. In the text of a document they would open a message of their own.
_MARKS = re.compile(
    r"<(?=[|｜][^<>\n]{1,40}[|｜]>|/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|begin_of_text|end_of_text)>"
    r"|</?SYS>>)|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)


def disarmed(text: str) -> str:
    """`text` with a space in every mark of a chat template, so that a tokenizer reads it as plain text."""
    return _MARKS.sub(lambda mark: f"{mark[0]} ", text)


class Model(ABC):
    """A `rag.answer.model.LanguageModel`, all but the talking itself."""

    def __init__(self, spec: Spec, settings: LlmSettings) -> None:
        self._spec = spec
        self._settings = settings
        self._context: int | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})"

    @abstractmethod
    def count_tokens(self, text: str) -> int: ...

    @abstractmethod
    def _look(self, call: Call) -> int:
        """Make the model ready; returns its context in tokens. May be called from several threads at once."""

    @abstractmethod
    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        """Emit the reply. The last piece has a `finish`; without one the reply counts as cut."""

    def _explained(self, error: Exception) -> Failed | None:
        """The failure that an exception of `_look` or `_reply` stands for; None for a bug of ours."""
        return error if isinstance(error, Failed) else None

    @property
    def spec(self) -> str:
        return self._spec.text

    @property
    def host(self) -> str | None:
        return self._spec.host

    @property
    def context_tokens(self) -> int:
        self._ready(None)
        return self._context or 0  # `_ready` raises, or knows

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
        request = Request(disarmed(system), disarmed(prompt), schema, max_tokens)
        if not self._ready(stop):
            return
        counted = self._check_fits(request)
        until = time.monotonic() + self._settings.total_seconds
        for number in range(self._settings.retries + 1):
            came = False
            try:
                for text in self._try(request, counted, until, stop, tally):
                    came = True
                    yield text
                return
            except Failed as failed:
                wait_s = self._wait(failed, number, until)
                # After the first words a second try could contradict what was already read.
                error = failed.error if came or wait_s is None else None
            if error is not None or wait_s is None:
                # Raised out here, the error has no context: what the transport knew (headers) is never printed.
                raise error or AssertionError("no wait, no error")
            if _stopped_within(wait_s, stop):
                return

    def _ready(self, stop: threading.Event | None) -> bool:
        """Load the model or ask its server, once; the time limits of a reply begin after. False: `stop` was set."""
        if self._context is not None:
            return True
        settings = self._settings
        error: AnswererError | None = None

        def look(call: Call, emit: Emit[int]) -> None:
            emit(self._look(call))

        try:
            for found in watched(
                look,
                first_s=_LOAD_S,
                stall_s=_LOAD_S,
                until=time.monotonic() + _LOAD_S,
                stop=stop,
            ):
                self._context = settings.context_tokens or found
        except Exception as caught:  # noqa: BLE001 - sorted into failures and bugs
            error = self._failed(caught).error
        if error is not None:
            raise error
        return self._context is not None

    def _check_fits(self, request: Request) -> int:
        """Tokens of the prompt. Raises PromptTooLong with the numbers; nothing is ever cut silently."""
        schema = json.dumps(request.schema) if request.schema else ""
        counted = sum(self.count_tokens(text) for text in (request.system, request.prompt, schema) if text)
        counted += _MESSAGE_TOKENS
        context = self._context or 0
        if counted + request.max_tokens > context:
            raise PromptTooLong(
                f"the prompt has about {counted} tokens and the reply may have {request.max_tokens}, "
                f"but the context has {context}; nothing was sent",
                where=self._spec.where,
                next_step="lower search.top_k, use a model with a longer context, or set llm.context_tokens "
                "if the context is longer than the server says",
            )
        return counted

    def _try(
        self,
        request: Request,
        counted: int,
        until: float,
        stop: threading.Event | None,
        tally: Tally | None,
    ) -> Iterator[str]:
        """One try: the texts of its pieces. Raises Failed."""
        length = pieces = 0
        texts: list[str] = []
        end = Piece()
        used: list[int | None] = [None, None]
        settings = self._settings
        failed: Failed | None = None

        def reply(call: Call, emit: Emit[Piece]) -> None:
            self._reply(call, request, emit)

        arriving = watched(
            reply,
            first_s=settings.first_token_seconds,
            stall_s=settings.stall_seconds,
            until=until,
            stop=stop,
        )
        try:
            for piece in arriving:
                pieces += 1
                length += len(piece.text)
                used = [piece.prompt_tokens or used[0], piece.completion_tokens or used[1]]
                if piece.finish:
                    end = piece
                if piece.text:
                    texts.append(piece.text)
                    yield piece.text
                if length > _MAX_CHARACTERS_PER_TOKEN * (
                    request.max_tokens + 16
                ) or pieces > _MAX_PIECES_PER_TOKEN * (request.max_tokens + 16):
                    raise self._cut(
                        f"the reply passed its limit of {request.max_tokens} tokens, which the server ignores",
                        "use another server or model",
                    )
        except Exception as caught:  # noqa: BLE001 - sorted into failures and bugs
            failed = self._failed(caught)
        finally:
            arriving.close()
            if pieces and tally is not None:
                written = self.count_tokens("".join(texts)) if used[1] is None else used[1]
                tally.add(self._priced(counted if used[0] is None else used[0], written))
        if failed is None and not (stop is not None and stop.is_set()):
            failed = self._judged(end, "".join(texts), request)
        if failed is not None:
            raise failed

    def _judged(self, end: Piece, text: str, request: Request) -> Failed | None:
        """What is wrong with a reply that came to its end."""
        if end.finish == "refused":
            said = f": {' '.join(end.why.split())[:200]}" if end.why.strip() else ""
            return Failed(
                ModelRefused(
                    f"the model refused to answer{said}",
                    where=self._spec.where,
                    next_step=Phrase("use another model, or ", Way.OFFLINE),
                )
            )
        if end.finish is None:
            if not text:  # llama-cpp-python hangs up so on a prompt that does not fit, without a word
                return self._cut(
                    "the server ended the connection without a reply",
                    "look at its log; where the prompt did not fit, set llm.context_tokens to the server's context",
                    retry=True,
                )
            return self._cut("the connection ended before the reply did", "ask again", retry=True)
        if end.finish == "length":
            return self._cut(
                f"the reply met its limit of {request.max_tokens} tokens", "raise llm.max_reply_tokens"
            )
        if not text.strip():
            return Failed(
                AnswererError(
                    "the model replied with nothing",
                    where=self._spec.where,
                    next_step=Phrase("ask again, use another model, or ", Way.OFFLINE),
                )
            )
        return None

    def _cut(self, what: str, step: str, *, retry: bool = False) -> Failed:
        return Failed(ReplyCut(what, where=self._spec.where, next_step=step), retry=retry)

    def _failed(self, error: Exception) -> Failed:
        """`error` as a failure; a bug is raised as it is."""
        settings = self._settings
        if isinstance(error, Late):
            what, step = {
                "first": (
                    f"the model began no reply within {settings.first_token_seconds:g} s",
                    "ask again, use a smaller model, or raise llm.first_token_seconds",
                ),
                "stall": (
                    f"the reply stood still for {settings.stall_seconds:g} s",
                    "ask again, or raise llm.stall_seconds",
                ),
                "total": (
                    f"the reply was not complete within {settings.total_seconds:g} s",
                    "ask again, use a smaller model, or raise llm.total_seconds",
                ),
            }[error.limit]
            return self._cut(what, step)
        failed = self._explained(error)
        if failed is None:
            raise error
        return failed

    def _wait(self, failed: Failed, number: int, until: float) -> float | None:
        """Seconds to wait before the next try; None where there should be none."""
        if not failed.retry or number >= self._settings.retries:
            return None
        wait_s = failed.wait_s
        if wait_s is None:
            wait_s = min(_FIRST_WAIT_S * 2**number, _LONGEST_WAIT_S) * random.uniform(0.5, 1.5)
        elif wait_s > self._settings.retry_after_seconds:
            return None
        return wait_s if time.monotonic() + wait_s < until else None

    def _priced(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        prompt, completion = self._settings.price_prompt, self._settings.price_completion
        cost = None
        if prompt is not None and completion is not None:
            cost = (prompt_tokens * prompt + completion_tokens * completion) / 1e6
        return Usage(prompt_tokens, completion_tokens, cost)


def _stopped_within(seconds: float, stop: threading.Event | None) -> bool:
    if stop is None:
        time.sleep(seconds)
        return False
    return stop.wait(seconds)
