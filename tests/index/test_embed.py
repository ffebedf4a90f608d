"""The embedders: parity with sentence-transformers, one contract for both, no network, a quick cold start."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rag.errors import SettingsError, UsageError
from rag.index import engine_onnx, engine_openvino
from rag.index.embed import (
    BATCH_TOKENS,
    Embedder,
    PackagedEmbedder,
    SentenceTransformerEmbedder,
    _batches,
    make_embedder,
    packaged_model,
)
from rag.index.minilm import load_weights
from rag.settings import IndexSettings

TEXTS = [
    "Mexico sent 26 prisoners to the United States.",
    "Twenty-six inmates were flown north, the government said.",
    "El gobierno entregó a 26 reos a Estados Unidos.",
    "The recipe needs two eggs and a little butter.",
    "a",
    "",
    "🙂 héllo “wörld” — ﬁne\u00a0print 北京",
    "word " * 150,
    "The flight landed in Texas at noon. " * 20,
    "Cartel leaders, prosecutors and a judge met in a courtroom in Brooklyn on Friday. " * 12,
]
QUESTIONS = [
    "How many prisoners were sent?",
    "What do I need to bake it?",
    "¿Cuántos reos fueron entregados?",
]


@pytest.fixture(scope="module")
def packaged() -> PackagedEmbedder:
    return PackagedEmbedder()


@pytest.fixture(scope="module")
def other() -> SentenceTransformerEmbedder:
    """The same weights through sentence-transformers, as any other model would be used: by folder."""
    return SentenceTransformerEmbedder(str(packaged_model()))


@pytest.fixture(params=["packaged", "other"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.getfixturevalue(request.param)


# --- the contract -------------------------------------------------------------------------------------------------


def test_vectors_have_unit_length_and_the_order_of_the_texts(embedder: Embedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert np.allclose(embedder.encode(TEXTS[::-1]), vectors[::-1], atol=1e-3)
    assert np.allclose(np.concatenate([embedder.encode([text]) for text in TEXTS]), vectors, atol=1e-3)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dimension)
    assert embedder.count_tokens([]) == []


def test_tokens_are_counted_without_the_special_ones_and_never_truncated(embedder: Embedder) -> None:
    # "transferring" and "prisoners" are single words of the vocabulary, "sheinbaum" is she + ##in + ##baum.
    assert embedder.count_tokens(["", "Two words", "Sheinbaum", "word " * 1000]) == [0, 2, 3, 1000]


def test_token_spans_are_places_in_the_text(embedder: Embedder) -> None:
    text = "  Señor Peña\n\nsaid “no” 🙂."
    spans = embedder.token_spans(text)
    # "señor" is no word of the (English) vocabulary: sen + ##or, accents dropped, but the spans keep the text's own.
    assert [span.of(text) for span in spans] == ["Señ", "or", "Peña", "said", "“", "no", "”", "🙂", "."]
    assert len(spans) == embedder.count_tokens([text])[0]
    assert all(a.start <= b.start for a, b in itertools.pairwise(spans))


def test_the_window_is_used_to_the_last_token_and_not_beyond(embedder: Embedder) -> None:
    assert embedder.window == 256
    full = "word " * (embedder.window - 2)
    assert embedder.encode([full]).shape == (1, embedder.dimension)
    with pytest.raises(ValueError, match="exceeds 254"):
        embedder.encode(["short", full + "word"])


def test_a_question_is_encoded_like_a_text(embedder: Embedder) -> None:
    for question in QUESTIONS:
        vector = embedder.encode_query(question)
        assert vector.shape == (embedder.dimension,)
        assert float(vector @ embedder.encode([question])[0]) > 0.999


def test_a_long_question_is_the_mean_of_its_windows(embedder: Embedder) -> None:
    windows = ["prison " * 254, "flight " * 254, "judge " * 10]
    vectors = embedder.encode(windows)
    mean = np.average(vectors, axis=0, weights=[254, 254, 10])
    found = embedder.encode_query("".join(windows))
    assert float(found @ mean) / np.linalg.norm(mean) > 0.999


@pytest.mark.parametrize("question", ["", "   ", "\ud800 broken", "\u0301"])
def test_odd_questions_have_a_vector(embedder: Embedder, question: str) -> None:
    assert np.isfinite(embedder.encode_query(question)).all()


def test_several_threads_get_the_same_vectors(packaged: PackagedEmbedder) -> None:
    expected = packaged.encode(TEXTS)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(packaged.encode(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_questions_from_several_threads_leave_numpy_its_threads(packaged: PackagedEmbedder) -> None:
    from threadpoolctl import threadpool_info

    def blas() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas()
    threads = [threading.Thread(target=packaged.encode_query, args=(question,)) for question in QUESTIONS * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blas() == before


# --- parity with the original -------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_engines_agree_with_sentence_transformers(engine: str, other: SentenceTransformerEmbedder) -> None:
    ours = PackagedEmbedder(engine)
    expected, found = other.encode(TEXTS), ours.encode(TEXTS)
    least = 0.9999 if ours.engine.precision == "f32" else 0.99
    assert ((expected * found).sum(axis=1) >= least).all()


def test_the_forward_pass_in_numpy_agrees_with_sentence_transformers(
    packaged: PackagedEmbedder, other: SentenceTransformerEmbedder
) -> None:
    found = np.stack([packaged.encode_query(text) for text in TEXTS])
    assert np.allclose(found, other.encode(TEXTS), atol=1e-5)


@pytest.mark.shared
def test_the_ten_nearest_passages_are_the_same(
    packaged: PackagedEmbedder, other: SentenceTransformerEmbedder, shared_folder: Path
) -> None:
    lines = [
        line
        for path in sorted((shared_folder / "seeds").glob("*.txt"))
        for line in path.read_text().split("\n")
    ]
    lines = sorted({line for line in lines if len(line) > 40})
    lines = [line for line, tokens in zip(lines, packaged.count_tokens(lines), strict=True) if tokens <= 254]
    questions = [line for line in lines if "?" in line][:10] + QUESTIONS
    nearest = [
        np.argsort(-(np.stack([embedder.encode_query(q) for q in questions]) @ embedder.encode(lines).T))[
            :, :10
        ]
        for embedder in (packaged, other)
    ]
    shared = [len({*a} & {*b}) for a, b in zip(*nearest, strict=True)]
    assert sum(shared) >= 0.97 * 10 * len(questions)


# --- batches ------------------------------------------------------------------------------------------------------


def test_batches_hold_texts_of_one_padded_length_within_the_budget() -> None:
    lengths = [2, 256, 17, 16, 200, 200, 200, 5, 255, 33]
    batches = _batches(lengths)
    assert sorted(member for _, members in batches for member in members) == list(range(len(lengths)))
    for padded, members in batches:
        assert padded * len(members) <= BATCH_TOKENS
        assert {-(-lengths[member] // 16) * 16 for member in members} == {padded}


# --- starting, choosing, failing ----------------------------------------------------------------------------------

_COLD = """
import sys
events = []
sys.addaudithook(lambda name, args: events.append(name) if name.startswith(
    ("socket.", "os.fork", "os.posix_spawn", "subprocess.", "urllib.")) else None)
from rag.index.embed import make_embedder
from rag.settings import IndexSettings
embedder = make_embedder(IndexSettings(engine=sys.argv[1]))
constructed = sorted(sys.modules)
embedder.encode_query("How many prisoners were there?")
asked = sorted(sys.modules)
embedder.encode(["A passage."])
import json, os
# Native code opens its connections unseen by the hook; what it has open can be seen where there is a /proc.
for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
    try:
        target = os.readlink("/proc/self/fd/" + number)
    except OSError:
        continue
    if target.startswith("socket:"):
        events.append(target)
print(json.dumps([events, constructed, asked, embedder.engine.name, sorted(sys.modules)]))
"""


def _cold(
    engine: str, folder: Path, **environment: str
) -> tuple[list[str], list[str], list[str], str, list[str]]:
    # A home without the file by which somebody may already have refused OpenVINO's telemetry, and none of the
    # variables by which CI services and people switch telemetry off: we have to.
    telling = {
        "CI",
        "GITHUB_ACTIONS",
        "DO_NOT_TRACK",
        "ORT_DISABLE_TELEMETRY",
        "XDG_CACHE_HOME",
        "PYTEST_CURRENT_TEST",
    }
    kept = {name: value for name, value in os.environ.items() if name not in telling}
    done = subprocess.run(
        [sys.executable, "-c", _COLD, engine],
        env={**kept, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return tuple(json.loads(done.stdout))


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_no_network_and_no_child_process(engine: str, tmp_path: Path) -> None:
    events, _, _, used, modules = _cold(engine, tmp_path)
    assert events == []
    assert used == engine
    assert "torch" not in modules
    assert "openvino_telemetry.main" not in modules
    assert list(tmp_path.iterdir()) == []  # nor an identifier for analytics


def test_one_question_imports_nothing_heavy(tmp_path: Path) -> None:
    _, constructed, asked, _, _ = _cold("auto", tmp_path)
    assert "tokenizers" not in constructed
    for heavy in (
        "torch",
        "sentence_transformers",
        "transformers",
        "openvino",
        "onnxruntime",
        "onnx",
        "scipy",
    ):
        assert heavy not in asked


def test_a_home_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    events, *_ = _cold("auto", tmp_path, ONRECORD_CACHE=str(tmp_path / "cache"))
    assert events == []


def test_openvino_leaves_its_conversion_tools_usable_and_quiet() -> None:
    engine_openvino.import_openvino()
    assert sys.modules.get("openvino.tools.ovc", "absent") is not None


def test_auto_prefers_openvino() -> None:
    assert PackagedEmbedder("auto").engine.name == "openvino"


def test_without_openvino_auto_takes_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_openvino, "available", lambda: False)
    assert PackagedEmbedder("auto").engine.name == "onnx"
    with pytest.raises(UsageError, match="pip install openvino"):
        PackagedEmbedder("openvino").encode(["a"])
    monkeypatch.setattr(engine_onnx, "available", lambda: False)
    with pytest.raises(UsageError, match="not installed"):
        PackagedEmbedder("auto").encode(["a"])


def test_an_unknown_engine_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="use one of auto, openvino, onnx"):
        make_embedder(IndexSettings(engine="cuda"))


def test_other_models_are_chosen_by_the_settings() -> None:
    embedder = make_embedder(IndexSettings(embedder="some/model"))
    assert embedder.name == "sentence-transformers:some/model"
    assert make_embedder(IndexSettings()).name == "packaged:all-MiniLM-L6-v2"


@pytest.mark.parametrize("spec", ["no-such/model-anywhere", "/no/such/folder"])
def test_a_model_that_is_not_there_says_what_to_do(spec: str) -> None:
    with pytest.raises(UsageError, match="name a folder that holds the model") as caught:
        SentenceTransformerEmbedder(spec).encode_query("a")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "model.safetensors"
    broken.write_bytes((20).to_bytes(8, "little") + b"not a JSON header....")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_weights(broken)
    broken.write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="no tensor"):
        load_weights(broken)
