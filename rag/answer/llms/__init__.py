"""The one door to language models: a SPEC in, a `LanguageModel` out, whatever runs behind it.

`openai:` and `openai-compatible:` go through LlamaIndex's `OpenAILike`; the others are spoken to directly, each for a
reason that its module gives. A failure of any kind becomes one `AnswererError` with a next step, within the limits of
`LlmSettings`; a key is read from the environment and stays in the client that sends it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from rag.answer.llms.specs import IN_PROCESS, KEYS, SPECS, check_spec, destination, key_of, parse
from rag.answer.llms.status import AnswererStatus, answerers, checked
from rag.answer.model import LanguageModel
from rag.errors import UsageError
from rag.settings import LlmSettings
from rag.wording import Way

__all__ = [
    "SPECS",
    "AnswererStatus",
    "answerers",
    "check_spec",
    "checked",
    "destination",
    "make_model",
]


def make_model(spec: str, settings: LlmSettings, environ: Mapping[str, str] | None = None) -> LanguageModel:
    """The model that `spec` names. Nothing is called or loaded before its first use.

    Raises:
        UsageError: a SPEC of no known form, a missing key, file or package.
    """
    environ = os.environ if environ is None else environ
    check_spec(spec, environ)
    found = parse(spec, environ)
    if found.kind == "offline":
        raise UsageError(
            "the built-in reader is no language model", where=Way.OFFLINE, next_step="name a model"
        )
    if found.kind in IN_PROCESS:
        if found.kind == "llamacpp":
            from rag.answer.llms.llamacpp import LlamaCppModel

            return LlamaCppModel(found, settings)
        from rag.answer.llms.huggingface import HuggingFaceModel

        return HuggingFaceModel(found, settings)
    from rag.answer.llms.http import Key

    key = Key(key_of(found.kind, environ), KEYS[found.kind])
    if found.kind == "anthropic":
        from rag.answer.llms.anthropic_chat import AnthropicModel

        return AnthropicModel(found, settings, key)
    if found.kind == "ollama":
        from rag.answer.llms.ollama_chat import OllamaModel

        return OllamaModel(found, settings, key)
    from rag.answer.llms.openai_chat import OpenAiModel

    return OpenAiModel(found, settings, key)
