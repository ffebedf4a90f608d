"""`llamacpp:FILE.gguf`: a model in this process, through llama-cpp-python.

LlamaIndex's `LlamaCPP` keeps the parameters of a request in the object (two threads would mix theirs), knows no grammar
and writes prompts in one fixed form whatever the model's own; llama-cpp-python has all three.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from rag.answer.llms.base import Model
from rag.answer.llms.calls import Call, Emit, Failed, Piece, Request, broken
from rag.answer.llms.specs import Spec
from rag.errors import AnswererError
from rag.settings import LlmSettings

_MOST_CONTEXT = 16_384  # its memory is taken at once, see `rag.answer.llms.ollama_chat`
_FINISHES = {"stop": "stop", "tool_calls": "stop", "length": "length"}


class LlamaCppModel(Model):
    """One request at a time; the file is read for the first."""

    def __init__(self, spec: Spec, settings: LlmSettings) -> None:
        super().__init__(spec, settings)
        self._llama: Any = None
        self._busy = threading.Lock()

    def count_tokens(self, text: str) -> int:
        if self._llama is None:
            _ = self.context_tokens
        # Reading the vocabulary needs no lock: it never changes.
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def _look(self, call: Call) -> int:
        with self._busy:
            if self._llama is None:
                call.check()
                self._llama = self._loaded()
        return int(self._llama.n_ctx())

    def _loaded(self) -> Any:
        from llama_cpp import Llama

        path = str(Path(self._spec.model).expanduser())
        wanted = self._settings.context_tokens
        try:
            if not wanted:
                vocabulary = Llama(model_path=path, vocab_only=True, verbose=False)
                about = vocabulary.metadata
                vocabulary.close()
                trained = int(about.get(f"{about.get('general.architecture')}.context_length", 0))
                wanted = min(trained or 4_096, _MOST_CONTEXT)
            return Llama(model_path=path, n_ctx=wanted, verbose=False)
        except (ValueError, RuntimeError, OSError, AssertionError) as error:
            raise Failed(
                AnswererError(
                    f"the model cannot be loaded ({' '.join(str(error).split())[:200]})",
                    where=self._spec.model,
                    next_step="check that it is a whole GGUF file and that there is memory for it",
                )
            ) from error

    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        with self._busy:
            call.check()
            form: dict[str, Any] = {}
            if request.schema is not None:
                form["response_format"] = {"type": "json_object", "schema": request.schema}
            messages = [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.prompt},
            ]
            try:
                arriving = self._llama.create_chat_completion(
                    messages=messages,
                    stream=True,
                    max_tokens=request.max_tokens,
                    temperature=self._settings.temperature,
                    **form,
                )
                for chunk in arriving:
                    choice = chunk["choices"][0]
                    text, finish = choice["delta"].get("content") or "", choice.get("finish_reason")
                    if text or finish:
                        emit(Piece(text, None if finish is None else _FINISHES.get(finish, "stop")))
            except (ValueError, RuntimeError, OSError) as error:
                raise broken(error, self._spec.model) from error
