"""`huggingface:NAME-OR-FOLDER`: a model in this process, through transformers.

LlamaIndex's `HuggingFaceLLM` generates in a thread that cannot be ended, and waits for ever where that thread fails.
Nothing is downloaded and no code of a model is run: a NAME is looked up in the cache that `hf download NAME` fills.
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
from rag.wording import Command

_UNKNOWN_CONTEXT = 2_048
_NO_LIMIT = 1_000_000_000  # tokenizers without a limit say some 10^30


class HuggingFaceModel(Model):
    """One request at a time; weights are read for the first. A schema is not enforced."""

    def __init__(self, spec: Spec, settings: LlmSettings) -> None:
        super().__init__(spec, settings)
        self._tokenizer: Any = None
        self._model: Any = None
        self._busy = threading.Lock()

    def count_tokens(self, text: str) -> int:
        if self._tokenizer is None:
            _ = self.context_tokens
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _look(self, call: Call) -> int:
        with self._busy:
            if self._model is None:
                call.check()
                self._load()
        config = self._model.config.get_text_config()
        limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        limits.append(self._tokenizer.model_max_length)
        usable = [limit for limit in limits if isinstance(limit, int) and 0 < limit < _NO_LIMIT]
        return min(usable, default=_UNKNOWN_CONTEXT)

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        folder = Path(self._spec.model).expanduser()
        name = str(folder) if folder.is_dir() else self._spec.model
        safe = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(name, **safe)
            model = AutoModelForCausalLM.from_pretrained(name, dtype="auto", **safe)
        except Exception as error:  # a folder may hold anything, and its readers raise as they please
            missing = not folder.is_dir() and isinstance(error, OSError)
            raise Failed(
                AnswererError(
                    "the model is neither a folder nor in the local cache"
                    if missing
                    else f"the model cannot be loaded ({' '.join(str(error).split())[:200]})",
                    where=self._spec.model,
                    next_step=Command(f"run hf download {self._spec.model}")
                    if missing
                    else "check that the folder holds a causal language model with its tokenizer",
                )
            ) from error
        self._tokenizer = tokenizer
        loaded: Any = model
        self._model = loaded.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    def _reply(self, call: Call, request: Request, emit: Emit[Piece]) -> None:
        from transformers import GenerationConfig

        with self._busy:
            call.check()
            inputs = self._inputs(request).to(self._model.device)
            given = int(inputs["input_ids"].shape[1])
            sampled = self._settings.temperature > 0
            ends = self._model.generation_config.eos_token_id
            config = GenerationConfig(  # type: ignore[no-untyped-call]
                max_new_tokens=request.max_tokens,
                do_sample=sampled,
                temperature=self._settings.temperature if sampled else None,
                eos_token_id=ends if ends is not None else self._tokenizer.eos_token_id,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )
            try:
                made = self._model.generate(
                    **inputs, generation_config=config, streamer=_streamer(self._tokenizer, call, emit)
                )
            except (RuntimeError, ValueError, IndexError) as error:
                raise broken(error, self._spec.model) from error
            new = made[0][given:].tolist()
            stops = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
            whole = bool(new) and new[-1] in stops
            emit(Piece("", "stop" if whole or len(new) < request.max_tokens else "length", given, len(new)))

    def _inputs(self, request: Request) -> Any:
        """The prompt in the model's own form; plain paragraphs where it has none."""
        if not self._tokenizer.chat_template:
            return self._tokenizer(f"{request.system}\n\n{request.prompt}\n\n", return_tensors="pt")
        from jinja2 import TemplateError

        apart = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.prompt},
        ]
        together = [{"role": "user", "content": f"{request.system}\n\n{request.prompt}"}]
        options = {"add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}
        try:
            return self._tokenizer.apply_chat_template(apart, **options)
        except TemplateError:  # some models know no system message and say so
            return self._tokenizer.apply_chat_template(together, **options)


def _streamer(tokenizer: Any, call: Call, emit: Emit[Piece]) -> Any:
    from transformers import TextStreamer

    class Streamer(TextStreamer):
        """Hands text on, and ends the generation (by the exception) once nobody waits for it."""

        def put(self, value: Any) -> None:
            call.check()
            super().put(value)  # type: ignore[no-untyped-call]

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            if text:
                emit(Piece(text))

    return Streamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
