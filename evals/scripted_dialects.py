"""How the scripted server speaks: the same reply as the events of OpenAI's, Anthropic's or Ollama's interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server reports as used: words of the prompt and of the reply, which is near enough for a script."""

    prompt: int
    reply: int


class Dialect(Protocol):
    """Makes the bytes of one streamed reply: `start`, a `piece` for each part of the text, `end`."""

    content_type: str

    def start(self, model: str, counts: Counts) -> bytes: ...
    def piece(self, text: str) -> bytes: ...
    def refusal(self, text: str) -> bytes: ...
    def end(self, finish: str, counts: Counts) -> bytes: ...
    def whole(self, text: str, finish: str, counts: Counts) -> dict[str, Any]: ...


def _event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class OpenAi:
    """`/v1/chat/completions`."""

    content_type = "text/event-stream"

    def __init__(self, model: str, body: dict[str, Any]) -> None:
        self._model = model
        options = body.get("stream_options")
        self._counts_wanted = isinstance(options, dict) and bool(options.get("include_usage"))

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event(self._envelope("chat.completion.chunk", [choice]))

    def _envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": "scripted",
            "object": kind,
            "created": 0,
            "model": self._model,
            "choices": choices,
        }

    def start(self, model: str, counts: Counts) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def refusal(self, text: str) -> bytes:
        return self._chunk({"refusal": text})

    def end(self, finish: str, counts: Counts) -> bytes:
        last = self._chunk({}, finish)
        if self._counts_wanted:
            usage = {**self._envelope("chat.completion.chunk", []), "usage": _openai_usage(counts)}
            last += _event(usage)
        return last + b"data: [DONE]\n\n"

    def whole(self, text: str, finish: str, counts: Counts) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**self._envelope("chat.completion", [choice]), "usage": _openai_usage(counts)}


def _openai_usage(counts: Counts) -> dict[str, int]:
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.reply,
        "total_tokens": counts.prompt + counts.reply,
    }


_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


class Anthropic:
    """`/v1/messages`. A request that forces a tool gets its reply as that tool's input."""

    content_type = "text/event-stream"

    def __init__(self, model: str, body: dict[str, Any]) -> None:
        choice = body.get("tool_choice")
        self._tool = choice.get("name") if isinstance(choice, dict) else None
        self._model = model

    def start(self, model: str, counts: Counts) -> bytes:
        message: dict[str, Any] = {
            "id": "scripted",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": counts.prompt, "output_tokens": 0},
        }
        block: dict[str, Any] = {"type": "text", "text": ""}
        if self._tool:
            block = {"type": "tool_use", "id": "tool-1", "name": self._tool, "input": {}}
        opened = {"type": "content_block_start", "index": 0, "content_block": block}
        return _event({"type": "message_start", "message": message}, "message_start") + _event(
            opened, "content_block_start"
        )

    def piece(self, text: str) -> bytes:
        delta = {"type": "text_delta", "text": text}
        if self._tool:
            delta = {"type": "input_json_delta", "partial_json": text}
        return _event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")

    def refusal(self, text: str) -> bytes:
        return b""  # told by the stop reason alone

    def end(self, finish: str, counts: Counts) -> bytes:
        reason = "tool_use" if self._tool and finish == "stop" else _ANTHROPIC_FINISH[finish]
        changed = {
            "type": "message_delta",
            "delta": {"stop_reason": reason},
            "usage": {"output_tokens": counts.reply},
        }
        return (
            _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
            + _event(changed, "message_delta")
            + _event({"type": "message_stop"}, "message_stop")
        )

    def whole(self, text: str, finish: str, counts: Counts) -> dict[str, Any]:
        return {
            "id": "scripted",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": _ANTHROPIC_FINISH[finish],
            "usage": {"input_tokens": counts.prompt, "output_tokens": counts.reply},
        }


class Ollama:
    """`/api/chat`: one JSON object a line."""

    content_type = "application/x-ndjson"

    def __init__(self, model: str, body: dict[str, Any]) -> None:
        self._model = model

    def _line(self, text: str, **more: Any) -> bytes:
        message = {"role": "assistant", "content": text}
        line = {"model": self._model, "message": message, "done": False, **more}
        return (json.dumps(line, ensure_ascii=False) + "\n").encode()

    def start(self, model: str, counts: Counts) -> bytes:
        return b""

    def piece(self, text: str) -> bytes:
        return self._line(text)

    def refusal(self, text: str) -> bytes:
        return self._line(text)  # Ollama knows no refusals; it is text like any other

    def end(self, finish: str, counts: Counts) -> bytes:
        return self._line(
            "",
            done=True,
            done_reason="length" if finish == "length" else "stop",
            prompt_eval_count=counts.prompt,
            eval_count=counts.reply,
        )

    def whole(self, text: str, finish: str, counts: Counts) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.end(finish, counts))
        parsed["message"]["content"] = text
        return parsed
