"""`anthropic:`, spoken directly.

LlamaIndex's `Anthropic` takes no HTTP client, so its connection cannot be shut, limited or watched; it raises a bare
`ValueError` for events it does not expect, and it brings the clients of two clouds with it. The interface is small.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rag.answer.llms.calls import Call, Emit, Failed, Piece, Request
from rag.answer.llms.http import lines
from rag.answer.llms.remote import RemoteModel
from rag.errors import AnswererError

_CONTEXT = 200_000  # of every current model
_VERSION = "2023-06-01"  # of the interface
_TOOL = "reply"
_PROMPT_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_FINISHES = {
    "end_turn": "stop",
    "tool_use": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}


class AnthropicModel(RemoteModel):
    """A Claude model. A schema becomes the input of a tool that the model must call."""

    def _look(self, call: Call) -> int:
        return self._settings.context_tokens or _CONTEXT

    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        while True:
            try:
                self._ask(call, request, emit)
            except Failed as failed:
                if not self._gives_way(failed, "temperature"):
                    raise
            else:
                return

    def _ask(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        body: dict[str, Any] = {
            "model": self._spec.model,
            "system": request.system,
            "messages": [{"role": "user", "content": request.prompt}],
            "max_tokens": request.max_tokens,
            "stream": True,
        }
        if "temperature" not in self._dropped:
            body["temperature"] = self._settings.temperature
        if request.schema is not None:
            body["tools"] = [
                {"name": _TOOL, "description": "Give the reply.", "input_schema": request.schema}
            ]
            body["tool_choice"] = {"type": "tool", "name": _TOOL}
        with (
            self._client(call, "text/event-stream") as http,
            http.stream(
                "POST",
                f"{self._spec.url}/v1/messages",
                json=body,
                headers={"anthropic-version": _VERSION},
            ) as response,
        ):
            given: int | None = None  # older servers tell the prompt's tokens in the first event only
            for event in _events(lines(response)):
                if event.get("type") == "message_start":
                    given = _sum(event["message"].get("usage") or {}, *_PROMPT_COUNTS)
                piece = self._piece(event)
                if piece is not None and piece.finish:
                    piece = replace(piece, prompt_tokens=piece.prompt_tokens or given)
                if piece is not None:
                    emit(piece)

    def _piece(self, event: dict[str, Any]) -> Piece | None:
        kind = event.get("type")
        if kind == "content_block_delta":
            delta = event["delta"]
            text = delta.get("text", delta.get("partial_json", ""))
            if not isinstance(text, str):
                raise TypeError("the content of an event is not text")
            return Piece(text)  # without text: thinking
        if kind == "message_delta":
            usage = event.get("usage") or {}
            reason = event["delta"].get("stop_reason")
            return Piece(
                finish=None if reason is None else _FINISHES.get(reason, "stop"),
                prompt_tokens=_sum(usage, *_PROMPT_COUNTS),
                completion_tokens=_sum(usage, "output_tokens"),
            )
        if kind == "error":
            message = self._key.hidden(str((event.get("error") or {}).get("message", "no details")))
            raise Failed(
                AnswererError(
                    f"the server gave up in the middle of the reply ({message})",
                    where=self._spec.where,
                    next_step="ask again later",
                ),
                retry=True,
            )
        return None


def _sum(usage: dict[str, Any], *names: str) -> int | None:
    return sum(int(usage.get(name) or 0) for name in names) or None


def _events(arriving: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The JSON of server-sent events; each of this interface stands in one `data:` line."""
    for line in arriving:
        if line.startswith("data:"):
            event = json.loads(line.removeprefix("data:"))
            if isinstance(event, dict):
                yield event
