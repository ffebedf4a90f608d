"""`ollama:`, spoken directly, so that it needs no further package.

LlamaIndex's `Ollama` sets the length of a reply and of the context for the object, not for a request, and does not look
whether the server kept to the context. That matters: Ollama cuts the front off a prompt that is longer than its
context, without a word, and its own default is a few thousand tokens. So `num_ctx` is sent with every request, the
server is asked what it loaded the model with, and a prompt that does not fit is an error here.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from rag.answer.llms.calls import Call, Emit, Failed, Piece, Request
from rag.answer.llms.http import get_json, lines
from rag.answer.llms.remote import RemoteModel
from rag.errors import AnswererError

# A longer context takes memory whether it is used or not: 16,384 tokens of an 8B model take about 2 GB.
_MOST_CONTEXT = 16_384
_UNKNOWN_CONTEXT = 4_096


class OllamaModel(RemoteModel):
    """A model of an Ollama server."""

    _checked = False  # whether the server has said that the model runs with our context

    def _look(self, call: Call) -> int:
        with self._client(call, look=True) as http:
            shown = get_json(http, f"{self._spec.url}/api/show", {"model": self._spec.model})
        elsewhere = shown.get("remote_host")
        if elsewhere and self.host is None:
            raise Failed(
                AnswererError(
                    f"this model runs at {self._key.hidden(str(elsewhere))}, not on this machine; nothing was sent",
                    where=self._spec.where,
                    next_step="use a model that `ollama list` shows with a size",
                )
            )
        known = [
            value
            for name, value in (shown.get("model_info") or {}).items()
            if name.endswith(".context_length") and isinstance(value, int) and value > 0
        ]
        return self._settings.context_tokens or min(known[0] if known else _UNKNOWN_CONTEXT, _MOST_CONTEXT)

    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        body: dict[str, Any] = {
            "model": self._spec.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.prompt},
            ],
            "stream": True,
            "truncate": False,  # newer servers then refuse a prompt that they would cut
            "options": {
                "num_ctx": self._context,
                "num_predict": request.max_tokens,
                "temperature": self._settings.temperature,
            },
        }
        if request.schema is not None:
            body["format"] = request.schema
        with (
            self._client(call, "application/x-ndjson") as http,
            http.stream("POST", f"{self._spec.url}/api/chat", json=body) as response,
        ):
            for line in lines(response):
                if not line.strip():
                    continue
                piece = self._piece(json.loads(line))
                if not self._checked:
                    self._check_context(call)  # the model is loaded now, and nothing was shown yet
                emit(piece)

    def _piece(self, part: dict[str, Any]) -> Piece:
        if "error" in part:
            raise Failed(
                AnswererError(
                    f"the server gave up in the middle of the reply ({self._key.hidden(str(part['error']))})",
                    where=self._spec.where,
                    next_step="ask again, or look at its log",
                ),
                retry=True,
            )
        text = part["message"].get("content") or ""
        if not isinstance(text, str):
            raise TypeError("the content of a line is not text")
        if not part.get("done"):
            return Piece(text)
        return Piece(
            text,
            "length" if part.get("done_reason") == "length" else "stop",
            part.get("prompt_eval_count") or None,
            part.get("eval_count") or None,
        )

    def _check_context(self, call: Call) -> None:
        """Compare what the server loaded the model with. Raises Failed where it is less than what was asked for."""
        try:
            with self._client(call, look=True) as http:
                running = get_json(http, f"{self._spec.url}/api/ps").get("models") or []
        except (Failed, httpx.HTTPError):
            running = []  # an old server that does not tell
        names = {self._spec.model, f"{self._spec.model}:latest"}
        for each in running:
            loaded = each.get("context_length")
            if each.get("name") in names and isinstance(loaded, int) and loaded < (self._context or 0):
                raise Failed(
                    AnswererError(
                        f"the server runs the model with a context of {loaded} tokens though {self._context} "
                        "were asked for; it may have cut the prompt",
                        where=self._spec.where,
                        next_step=f"set llm.context_tokens to {loaded}, or stop the model (ollama stop "
                        f"{self._spec.model}) and ask again",
                    )
                )
        self._checked = True
