"""A real llama.cpp, in this process and behind its own server, with a model whose weights are made here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.answer.llms import checked, make_model
from rag.answer.model import Tally
from rag.errors import AnswererError, PromptTooLong, ReplyCut
from rag.settings import LlmSettings

pytest.importorskip(
    "llama_cpp", reason="llama-cpp-python is not installed (pip install 'onrecord[llamacpp]')"
)
gguf = pytest.importorskip("gguf", reason="the package gguf, which writes the model, is not installed")

CONTEXT = 512
SCHEMA = {
    "type": "object",
    "properties": {"said": {"type": "boolean"}},
    "required": ["said"],
    "additionalProperties": False,
}
SETTINGS = LlmSettings(first_token_seconds=60.0, retries=0)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama with two random layers and a vocabulary of the 256 bytes and the printable letters: half a megabyte."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    width, hidden, heads, layers = 64, 128, 4, 2
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += ["\u2581", *(chr(code) for code in range(33, 127))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * 95
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(
        "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    )
    random = np.random.default_rng(5)

    def tensor(name: str, *shape: int) -> None:
        values = np.ones(shape) if name.endswith("norm.weight") else random.normal(0, 0.3, shape)
        writer.add_tensor(name, values.astype(np.float32))

    tensor("token_embd.weight", len(tokens), width)
    for layer in range(layers):
        for part in ("attn_norm", "ffn_norm"):
            tensor(f"blk.{layer}.{part}.weight", width)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{part}.weight", width, width)
        for part in ("ffn_gate", "ffn_up"):
            tensor(f"blk.{layer}.{part}.weight", hidden, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, hidden)
    tensor("output_norm.weight", width)
    tensor("output.weight", len(tokens), width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def in_process(model_file: Path) -> Any:
    return make_model(f"llamacpp:{model_file}", SETTINGS, {})


@pytest.fixture(scope="module")
def server(model_file: Path) -> Iterator[str]:
    """The SPEC of llama.cpp's own server."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("sse_starlette", reason="the server of llama-cpp-python is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model_file), "--model_alias", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", str(CONTEXT), "--verbose", "false"]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    if process.poll() is not None or time.monotonic() > until:
                        pytest.fail("the server of llama.cpp did not start")
                    time.sleep(0.2)
            yield f"openai-compatible:tiny@http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def behind_server(spec: str) -> Any:
    return make_model(spec, LlmSettings(first_token_seconds=60.0, retries=0, context_tokens=CONTEXT), {})


def test_a_file_replies_in_this_process(in_process: Any, model_file: Path) -> None:
    assert in_process.host is None
    assert in_process.context_tokens == CONTEXT
    assert in_process.count_tokens("abc") == 4  # with the mark of a word's start
    tally = Tally()
    with pytest.raises(ReplyCut, match="limit of 16 tokens"):
        list(in_process.stream("You answer.", "How many?", max_tokens=16, tally=tally))
    # "system: You answer.\nuser: How many?\n" and what is around it; a random model may write half letters
    assert tally.usage.prompt_tokens > 25
    assert tally.usage.completion_tokens > 0


@pytest.mark.parametrize("where", ["in process", "server"])
def test_a_grammar_makes_even_a_random_model_keep_to_the_schema(
    in_process: Any, server: str, where: str
) -> None:
    model = in_process if where == "in process" else behind_server(server)
    reply = json.loads("".join(model.stream("You answer.", "Did she say so?", schema=SCHEMA, max_tokens=200)))

    assert set(reply) == {"said"}
    assert isinstance(reply["said"], bool)


def test_a_prompt_too_long_for_the_file_is_counted_with_its_own_tokenizer(in_process: Any) -> None:
    with pytest.raises(PromptTooLong, match="but the context has 512"):
        list(in_process.stream("s", "x" * 600, max_tokens=10))


def test_a_prompt_that_only_the_server_knows_to_be_too_long_is_an_error_that_says_where_to_look(
    server: str,
) -> None:
    """This server hangs up without a word; nothing of the prompt is cut and answered."""
    model = make_model(server, LlmSettings(context_tokens=50_000, retries=0), {})
    with pytest.raises(ReplyCut, match="without a reply") as caught:
        list(model.stream("s", "x y " * 900, max_tokens=10))
    assert "llm.context_tokens" in caught.value.next_step


@pytest.mark.parametrize("where", ["in process", "server"])
def test_stop_ends_a_reply(in_process: Any, server: str, where: str) -> None:
    model = in_process if where == "in process" else behind_server(server)
    stop = threading.Event()
    pieces: list[str] = []
    for piece in model.stream("s", "p", max_tokens=400, stop=stop):
        pieces.append(piece)
        stop.set()

    assert 1 <= len(pieces) < 20


def test_the_server_is_found_usable(server: str) -> None:
    assert checked(server, {}).usable
    assert checked(server.replace("tiny@", "other@"), {}).next_step == "use one of: tiny"


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"not a model at all" * 100], ids=["empty", "cut", "other"]
)
def test_a_file_that_is_no_model_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    model = make_model(f"llamacpp:{path}", SETTINGS, {})
    with pytest.raises(AnswererError, match="cannot be loaded") as caught:
        list(model.stream("s", "p"))
    assert str(path) in str(caught.value)
