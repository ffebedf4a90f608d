"""`openai:` and `openai-compatible:`, through LlamaIndex's `OpenAILike`.

LlamaIndex's class speaks; what it has no place for goes through the HTTP client that we give it: the key (its own field
would show it in a `repr`), shutting the connection, refusing redirects, telling failures apart. Its retries are off,
because it would repeat a request after any failure, without `Retry-After` and without looking at `stop`.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

from rag.answer.llms.calls import Call, Emit, Ended, Failed, Piece, Request
from rag.answer.llms.http import Key, get_json
from rag.answer.llms.remote import RemoteModel, tokens_of
from rag.answer.llms.specs import Spec
from rag.errors import AnswererError
from rag.settings import LlmSettings

_UNKNOWN_CONTEXT = (
    4_096  # where a server says nothing: the smallest in common use, so that nothing is cut unseen
)
_OPENAI_CONTEXT = 128_000  # of models that LlamaIndex does not know yet; all new ones have at least this
# How servers name the context in their list of models: vLLM, OpenRouter, Groq, Mistral.
_CONTEXT_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length")
_FINISHES = {"stop": "stop", "tool_calls": "stop", "length": "length", "content_filter": "refused"}


class OpenAiModel(RemoteModel):
    """A chat model behind OpenAI's interface, or one compatible with it."""

    def __init__(self, spec: Spec, settings: LlmSettings, key: Key) -> None:
        super().__init__(spec, settings, key)
        self._form = 0  # index into `_forms`: how this server is asked to keep to a schema

    def count_tokens(self, text: str) -> int:
        if self._spec.kind != "openai":
            return super().count_tokens(text)
        old = self._spec.model.startswith(("gpt-3.5", "gpt-4-", "gpt-4_")) or self._spec.model == "gpt-4"
        return tokens_of(text, "cl100k_base" if old else "o200k_base")

    def _look(self, call: Call) -> int:
        # These take seconds, which are none of a reply's: the client imports its parts when they are first touched.
        import llama_index.llms.openai_like  # noqa: F401
        import openai.resources.chat.completions  # noqa: F401

        if self._settings.context_tokens:
            return self._settings.context_tokens
        if self._spec.kind == "openai":
            from llama_index.llms.openai.utils import openai_modelname_to_contextsize

            try:
                return int(openai_modelname_to_contextsize(self._spec.model))
            except ValueError:
                return _OPENAI_CONTEXT
        return self._asked(call) or _UNKNOWN_CONTEXT

    def _asked(self, call: Call) -> int | None:
        """The context that the server tells, in any of the ways that are in use."""
        root = self._spec.url.removesuffix("/v1")
        with self._client(call, look=True) as http:
            models = self._optional(http, f"{self._spec.url}/models").get("data")
            entries = [each for each in models or [] if isinstance(each, dict)]
            entry = next((each for each in entries if each.get("id") == self._spec.model), None)
            if entry is None and len(entries) == 1:
                entry = entries[0]  # a server with one model answers for any name
            entry = entry or {}
            for name in _CONTEXT_NAMES:
                if _is_count(entry.get(name)):
                    return int(entry[name])
            if entry.get("owned_by") == "library":  # Ollama, whose context in use stands in its own interface
                running = self._optional(http, f"{root}/api/ps").get("models") or []
                found: list[Any] = [
                    each.get("context_length") for each in running if each.get("name") == self._spec.model
                ]
                return int(found[0]) if found and _is_count(found[0]) else None
            # llama.cpp: what a request gets, where the list tells only what the model was trained with.
            served = self._optional(http, f"{root}/props").get("default_generation_settings") or {}
            if _is_count(served.get("n_ctx")):
                return int(served["n_ctx"])
            # LM Studio
            loaded: Any = self._optional(http, f"{root}/api/v0/models/{self._spec.model}").get(
                "loaded_context_length"
            )
            return int(loaded) if _is_count(loaded) else None

    def _optional(self, http: httpx.Client, url: str) -> dict[str, Any]:
        """The object at `url`, empty where the server has none there. No answer at all, or a refused key, is raised."""
        try:
            found = get_json(http, url)
        except Failed as failed:
            if failed.status in (401, 403, 429) or failed.status is None:
                raise
            return {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        forms = _forms(request.schema)
        form = min(self._form, len(forms) - 1)
        while True:
            try:
                self._ask(call, request, forms[form], emit)
            except Failed as failed:
                if self._gives_way(failed, "max_tokens", "temperature", "stream_options"):
                    continue
                if form + 1 < len(forms) and _about_form(failed):
                    form += 1
                    continue
                raise
            self._form = form if request.schema else self._form
            return

    def _ask(self, call: Call, request: Request, form: dict[str, Any], emit: Emit[Piece]) -> None:
        import openai
        from llama_index.core.llms import ChatMessage
        from llama_index.llms.openai_like import OpenAILike

        more: dict[str, Any] = dict(form)
        if "stream_options" not in self._dropped:
            more["stream_options"] = {"include_usage": True}
        if "max_tokens" in self._dropped:  # newer models of OpenAI want the other name
            more["max_completion_tokens"] = request.max_tokens
        with self._client(call, "text/event-stream") as http:
            make: Any = OpenAILike  # its fields hide the signature of the constructor that it inherits
            llm = make(
                model=self._spec.model,
                api_base=self._spec.url,
                api_key="none",  # the client adds the real one
                is_chat_model=True,
                temperature=1.0 if "temperature" in self._dropped else self._settings.temperature,
                max_tokens=None if "max_tokens" in self._dropped else request.max_tokens,
                max_retries=0,
                timeout=self._settings.total_seconds,
                http_client=http,
            )
            messages = [
                ChatMessage(role="system", content=request.system),
                ChatMessage(role="user", content=request.prompt),
            ]
            refusal = ""
            try:
                for response in llm.stream_chat(messages, **more):
                    piece, said = _piece(response.raw)
                    refusal += said
                    if piece is not None and piece.finish and refusal:
                        piece = Piece(finish="refused", why=self._key.hidden(refusal))
                    if piece is not None:
                        emit(piece)
            except openai.APIError as error:
                raise self._of_openai(error) from error

    def _of_openai(self, error: Any) -> Exception:
        """The failure below an error of the client; else what the server said in the middle of the stream."""
        below: BaseException | None = error
        while below is not None:
            if isinstance(below, Failed | Ended):
                return below
            if isinstance(below, httpx.HTTPError):
                found = self._explained(below)
                if found is not None:
                    return found
            below = below.__cause__ or below.__context__
        message = self._key.hidden(str(getattr(error, "message", error)))
        return Failed(
            AnswererError(
                f"the server gave up in the middle of the reply ({message})",
                where=self._spec.where,
                next_step="ask again, or look at the server's log",
            ),
            retry=True,
        )


def _forms(schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Ways to ask for a reply of that schema, the strictest first; the last is not to ask."""
    if schema is None:
        return [{}]
    named = {"name": "reply", "schema": schema, "strict": _is_strict(schema)}
    return [
        {"response_format": {"type": "json_schema", "json_schema": named}},
        {
            "response_format": {"type": "json_object", "schema": schema}
        },  # llama-cpp-python, Together, Fireworks
        {},
    ]


def _is_strict(schema: Any) -> bool:
    """True where OpenAI's strict mode takes it: every object lists all its properties as required and no others."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or set(schema.get("required", [])) != names:
            return False
    return all(map(_is_strict, schema.values()))


def _about_form(failed: Failed) -> bool:
    """Whether the server may have refused the form of the reply. A prompt that is too long is not sent three times.

    llama-cpp-python answers 500 to a form that it does not know, so there the message decides.
    """
    if type(failed.error) is not AnswererError or failed.status is None:
        return False
    named = re.search(r"response_format|schema|grammar", failed.message) is not None
    return failed.status in (400, 422, 501) or (failed.status >= 500 and named)


def _piece(chunk: Any) -> tuple[Piece | None, str]:
    """One chunk of the stream, None where it says nothing (the announcement of a message is no first token), and what
    it adds to a refusal. The client does not check chunks: fields may lack.
    """
    usage = getattr(chunk, "usage", None)
    counts = (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
    prompt_tokens, completion_tokens = (count if _is_count(count) else None for count in counts)
    choices = chunk.choices or []
    if not choices:
        return Piece(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens), ""
    delta, finish = choices[0].delta, choices[0].finish_reason
    text = delta.content or ""
    refusal = getattr(delta, "refusal", None) or ""
    if not isinstance(text, str) or not isinstance(refusal, str):
        raise TypeError("the content of a chunk is not text")
    ended = None if finish is None else _FINISHES.get(str(finish), "stop")
    thinking = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
    if not (text or refusal or ended or thinking or prompt_tokens or completion_tokens):
        return None, ""
    return Piece(text, ended, prompt_tokens, completion_tokens), refusal


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
