"""A small real embedder, and libraries of plain text files to try the store on."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.index.library import Library
from rag.settings import IndexSettings, SearchSettings, Settings
from rag.types import Span

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class HashEmbedder:
    """Every word is a direction given by its hash; a text is the sum of its words, at unit length.

    Texts that share words are near each other, equal texts are equal, and nothing has to be loaded.
    """

    dimension: int = 16
    english_only: bool = True
    window: int = 256
    name: str = "hash"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def token_spans(self, text: str) -> list[Span]:
        return [Span(match.start(), match.end()) for match in _WORD.finditer(text)]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.casefold()):
                vectors[row] += _direction(word, self.dimension)
            # A text without words still needs a direction.
            vectors[row, 0] += 1e-3
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_query(self, text: str) -> NDArray[np.float32]:
        return self.encode([text])[0]


def _direction(word: str, dimension: int) -> NDArray[np.float32]:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=dimension).astype(np.float32)


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


def settings_for(vectors: str = "embedded", exact_limit: int = 20_000) -> Settings:
    return Settings(index=IndexSettings(vectors=vectors), search=SearchSettings(exact_limit=exact_limit))


OpenLibrary = Callable[..., Library]


@pytest.fixture
def open_library(tmp_path: Path, embedder: HashEmbedder) -> OpenLibrary:
    """Open the test's library (in `tmp_path/library`), for writing unless told otherwise; made where there is none."""

    def opened(*, write: bool = True, settings: Settings | None = None, **changes: object) -> Library:
        return Library.open(
            tmp_path / "library",
            settings or settings_for(),
            write=write,
            create=write,
            embedder=replace(embedder, **changes) if changes else embedder,
        )

    return opened


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty folder for the files to add."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def report_text(number: int, sentences: int = 12) -> str:
    """A made-up report: every sentence names the report's number, so each report can be found by its own words."""
    subjects = ("harbour", "council", "railway", "museum", "hospital", "library", "orchard", "bridge")
    verbs = ("opened", "closed", "repaired", "sold", "inspected", "renamed", "painted", "measured")
    lines = [
        f"Report r{number}x says that the {subjects[(number + i) % 8]} was {verbs[(number * 3 + i) % 8]} "
        f"on day {i + 1} and that {number * 100 + i} people came to see it."
        for i in range(sentences)
    ]
    return "\n\n".join(" ".join(lines[start : start + 4]) for start in range(0, sentences, 4)) + "\n"


def write_reports(folder: Path, count: int, sentences: int = 12) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"report-{number:03d}.txt"
        path.write_text(report_text(number, sentences), encoding="utf-8")
        paths.append(path)
    return paths


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real `chroma run` server on this machine."""
    port, folder = free_port(), tmp_path_factory.mktemp("chroma-server")
    command = Path(sys.executable).with_name("chroma")
    server = subprocess.Popen(
        [command, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"ANONYMIZED_TELEMETRY": "False", "PATH": "/usr/bin:/bin"},
    )
    try:
        for _ in range(300):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None:
                pytest.fail(f"chroma run ended with {server.returncode}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["embedded", "server"])
def vectors(request: pytest.FixtureRequest) -> str:
    """Both homes of the vector index: the contract tests run over each."""
    if request.param == "embedded":
        return "embedded"
    address: str = request.getfixturevalue("chroma_server")
    return address
