"""What models behind a server share: the key, the client for one call, and counting tokens without the model."""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import threading
from pathlib import Path
from typing import Any

import httpx

from rag.answer.llms.base import Model
from rag.answer.llms.calls import Call, Failed
from rag.answer.llms.http import Key, client, explained
from rag.answer.llms.specs import Spec
from rag.errors import AnswererError
from rag.settings import LlmSettings

_LOOK_S = 10.0  # for a server to say what it has
# Tokenizers of other makers cut English into up to a fifth more tokens than OpenAI's, Spanish into more.
_SPARE = 1.25
_tiktoken = threading.Lock()


class RemoteModel(Model):
    """A model behind HTTP."""

    def __init__(self, spec: Spec, settings: LlmSettings, key: Key) -> None:
        super().__init__(spec, settings)
        self._key = key
        self._dropped: set[str] = set()  # parameters that this server has refused

    def count_tokens(self, text: str) -> int:
        return math.ceil(tokens_of(text) * _SPARE)

    def _client(self, call: Call, content_type: str = "", *, look: bool = False) -> httpx.Client:
        return client(
            self._spec,
            self._key,
            call,
            connect_s=self._settings.connect_seconds,
            read_s=_LOOK_S if look else self._settings.total_seconds,
            content_type=content_type,
        )

    def _explained(self, error: Exception) -> Failed | None:
        failed = super()._explained(error) or explained(
            error, self._spec, self._key, self._settings.connect_seconds
        )
        if failed is None and isinstance(
            error, ValueError | TypeError | KeyError | IndexError | AttributeError | RecursionError
        ):
            # Replies are read without checking each part: what is missing or of another type shows itself so.
            failed = self._unreadable(f"{type(error).__name__}: {error}")
        return failed

    def _unreadable(self, details: str) -> Failed:
        return Failed(
            AnswererError(
                f"the server's reply is not of the form that its interface has ({self._key.hidden(details)})",
                where=self._spec.where,
                next_step="check that the address belongs to this kind of server, or look at its log",
            )
        )

    def _gives_way(self, failed: Failed, *names: str) -> bool:
        """True where the server refused one of the parameters `names`, which is then left out from now on."""
        if failed.status not in (400, 422):
            return False
        for name in names:
            if name in failed.message and name not in self._dropped:
                self._dropped.add(name)
                return True
        return False


def tokens_of(text: str, encoding: str = "o200k_base") -> int:
    """Tokens of `text` in one of OpenAI's encodings, from the files that LlamaIndex brings along (no download)."""
    return len(_encoding(encoding).encode_ordinary(text))


@functools.cache
def _encoding(name: str) -> Any:
    import tiktoken

    with _tiktoken:
        if "TIKTOKEN_CACHE_DIR" not in os.environ:
            found = importlib.util.find_spec("llama_index.core")
            for folder in (found.submodule_search_locations or []) if found else []:
                os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(folder) / "_static" / "tiktoken_cache")
        return tiktoken.get_encoding(name)
