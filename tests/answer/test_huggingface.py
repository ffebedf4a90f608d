"""Models in this process, through transformers: a tiny one of random weights, made here."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from rag.answer.llms import make_model
from rag.answer.model import Tally, Usage
from rag.errors import AnswererError, PromptTooLong, ReplyCut
from rag.settings import LlmSettings

pytestmark = pytest.mark.usefixtures("threads_end")


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with random weights and a tokenizer of bytes, saved as any model of transformers is."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model") / "tiny-llama"
    words = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    marks = ["<|end|>", "<|user|>", "<|system|>"]
    words.update({mark: len(words) + number for number, mark in enumerate(marks)})
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", extra_special_tokens=marks[1:]
    )
    fast.chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=words["<|end|>"],
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def until_the_limit(model: Any, **options: Any) -> list[str]:
    """What a random model says: it never ends by itself, which must be told as what it is."""
    pieces: list[str] = []
    with pytest.raises(ReplyCut, match="met its limit"):
        pieces.extend(model.stream("You answer.", "How many?", **options))
    return pieces


def test_a_hugging_face_folder_replies_in_this_process(llama_folder: Path) -> None:
    model, tally = make_model(f"huggingface:{llama_folder}", LlmSettings(), {}), Tally()

    assert model.host is None
    assert model.context_tokens == 512
    assert model.count_tokens("abc é") == 6  # bytes: é has two
    with pytest.raises(ReplyCut, match="limit of 12 tokens"):
        list(model.stream("You answer.", "How many?", max_tokens=12, tally=tally))
    # <|system|>, 11 bytes, <|end|>, <|user|>, 9 bytes, <|end|>
    assert tally.usage == Usage(24, 12, None)
    assert model.spec == f"huggingface:{llama_folder}"


def test_a_hugging_face_model_is_deterministic_at_temperature_zero(llama_folder: Path) -> None:
    replies = [
        until_the_limit(make_model(f"huggingface:{llama_folder}", LlmSettings(), {}), max_tokens=20)
        for _ in range(2)
    ]
    assert replies[0] == replies[1]


def test_a_prompt_too_long_for_a_hugging_face_model_is_counted_with_its_own_tokenizer(
    llama_folder: Path,
) -> None:
    model = make_model(f"huggingface:{llama_folder}", LlmSettings(), {})
    # 1 + 500 bytes, 24 of the template, and 10 for the reply
    with pytest.raises(PromptTooLong, match=r"about 525 tokens and the reply may have 10, but .* 512"):
        list(model.stream("s", "x" * 500, max_tokens=10))


def test_a_hugging_face_model_stops(llama_folder: Path) -> None:
    """Stopped at its first words; that its thread ends, too, is checked after every test."""
    model = make_model(f"huggingface:{llama_folder}", LlmSettings(), {})
    stop = threading.Event()
    pieces: list[str] = []
    for piece in model.stream("s", "p", max_tokens=450, stop=stop):
        pieces.append(piece)
        stop.set()

    assert len(pieces) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "llama"}'), "cannot be loaded"),
    ],
    ids=["empty", "broken", "without weights"],
)
def test_a_folder_that_is_no_model_is_a_clear_error(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path)
    model = make_model(f"huggingface:{tmp_path}", LlmSettings(), {})
    with pytest.raises(AnswererError, match=message) as caught:
        list(model.stream("s", "p"))
    assert str(tmp_path) in str(caught.value)


def test_a_hugging_face_name_is_never_downloaded() -> None:
    model = make_model("huggingface:no-such/model", LlmSettings(), {})
    with pytest.raises(AnswererError, match="run hf download no-such/model"):
        list(model.stream("s", "p"))
