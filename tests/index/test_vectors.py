"""The contract of the vector index, over embedded Chroma and over a real `chroma run` server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import SettingsError, UsageError
from rag.index import rows
from rag.index.catalogue import Catalogue
from rag.index.vectors import Vectors, VectorsFailed
from rag.types import Document, Passage, Span

from .conftest import free_port

DIMENSION = 8
Matrix = NDArray[np.float32]
Put = Callable[[int], tuple[int, list[int], Matrix]]


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(tmp_path, create=True)
    catalogue.set("library", tmp_path.name.replace("_", "-")[-40:])
    yield catalogue
    catalogue.close()


@pytest.fixture
def put(catalogue: Catalogue) -> Put:
    """Put a ready document of so many passages with random vectors into the catalogue."""
    random = np.random.default_rng(5)
    made = 0

    def one(passages: int) -> tuple[int, list[int], Matrix]:
        nonlocal made
        made += 1
        text = "x" * passages
        document = Document(f"d-{made}", text, f"sha-{made}", "text/plain", f"/{made}")
        matrix = random.normal(size=(passages, DIMENSION)).astype(np.float32)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        pieces = [Passage(document.id, n, Span(n, n + 1), "x") for n in range(passages)]
        with catalogue.transaction():
            number, numbers = rows.insert_document(catalogue, document, pieces, matrix)
            catalogue.run("UPDATE documents SET state = 'ready' WHERE number = ?", (number,))
        return number, numbers, matrix

    return one


@pytest.fixture
def index(tmp_path: Path, catalogue: Catalogue, vectors: str) -> Iterator[Vectors]:
    index = Vectors(tmp_path, catalogue, vectors)
    yield index
    index.close()


def _drop(catalogue: Catalogue, document: int) -> None:
    with catalogue.transaction():
        catalogue.run("INSERT INTO tombstones SELECT number FROM passages WHERE document = ?", (document,))
        catalogue.run("DELETE FROM documents WHERE number = ?", (document,))


@contextmanager
def chromadb_client(address: str) -> Iterator[Any]:
    """Somebody else's client of the server."""
    import chromadb

    host, _, port = address.removeprefix("http://").partition(":")
    client = chromadb.HttpClient(host, int(port), settings=chromadb.Settings(anonymized_telemetry=False))
    yield client
    client._server._session.close()
    client._admin_client._server._session.close()
    client.close()


def _held(index: Vectors) -> set[int]:
    return {number for numbers, _ in index.entries() for number in numbers}


def _wanted(catalogue: Catalogue) -> set[int]:
    return {n for (n,) in catalogue.rows("SELECT passage FROM vectors")}


def test_nothing_is_there_before_the_first_sync(index: Vectors) -> None:
    assert index.state() is None
    assert index.high is None
    assert index.query(np.ones(DIMENSION, np.float32), 3) is None
    assert _held(index) == set()


def test_each_passage_is_nearest_to_itself(index: Vectors, put: Put) -> None:
    _, numbers, matrix = put(300)
    index.sync()
    assert index.high == max(numbers)
    for row in (0, 150, 299):
        found = index.query(matrix[row], 1)
        assert found == [numbers[row]]


def test_the_order_is_that_of_the_cosine(index: Vectors, put: Put) -> None:
    _, numbers, matrix = put(40)
    index.sync()
    expected = [numbers[row] for row in np.argsort(-(matrix @ matrix[7]))[:10]]
    assert index.query(matrix[7], 10) == expected


def test_more_than_there_is_gives_all(index: Vectors, put: Put) -> None:
    _, numbers, matrix = put(5)
    index.sync()
    assert sorted(index.query(matrix[0], 50) or []) == numbers


def test_sync_adds_and_deletes_what_changed(index: Vectors, catalogue: Catalogue, put: Put) -> None:
    first, _, _ = put(30)
    put(20)
    index.sync()
    _drop(catalogue, first)
    _, numbers, matrix = put(600)
    index.sync()
    assert _held(index) == _wanted(catalogue)
    assert len(_held(index)) == 620
    assert index.query(matrix[599], 1) == [numbers[599]]
    assert catalogue.rows("SELECT * FROM tombstones") == []


def test_the_vectors_that_come_back_are_those_that_went_in(index: Vectors, put: Put) -> None:
    _, numbers, matrix = put(10)
    index.sync()
    held = {n: vector for ids, vectors in index.entries() for n, vector in zip(ids, vectors, strict=True)}
    for number, vector in zip(numbers, matrix, strict=True):
        assert float(held[number] @ vector) == pytest.approx(1.0, abs=1e-5)


def test_documents_that_are_not_ready_stay_out(index: Vectors, catalogue: Catalogue, put: Put) -> None:
    number, _, _ = put(3)
    catalogue.run("UPDATE documents SET state = 'pending' WHERE number = ?", (number,))
    _, numbers, _ = put(2)
    index.sync()
    assert _held(index) == set(numbers)


def test_a_sync_without_changes_touches_nothing(index: Vectors, put: Put) -> None:
    put(3)
    index.sync()
    state = index.state()
    index.sync()
    assert index.state() == state


def test_a_dirty_index_is_not_searched_but_built_again(
    index: Vectors, catalogue: Catalogue, put: Put
) -> None:
    _, numbers, matrix = put(30)
    index.sync()
    catalogue.set("vectors_dirty", "1")
    assert index.high is None
    assert index.query(matrix[0], 1) is None
    index.sync()
    assert index.query(matrix[0], 1) == [numbers[0]]
    assert _held(index) == set(numbers)


def test_a_long_lived_reader_sees_what_another_connection_wrote(
    index: Vectors, tmp_path: Path, vectors: str, put: Put
) -> None:
    put(30)
    index.sync()
    reading = Catalogue(tmp_path)
    reader = Vectors(tmp_path, reading, vectors)
    try:
        assert len(reader.query(np.ones(DIMENSION, np.float32), 100) or []) == 30
        _, numbers, matrix = put(30)
        index.sync()
        assert reader.query(matrix[29], 1) == [numbers[29]]
        assert len(reader.query(matrix[29], 100) or []) == 60
    finally:
        reader.close()
        reading.close()


def test_a_failure_while_writing_leaves_it_dirty_and_the_next_sync_mends_it(
    index: Vectors, catalogue: Catalogue, put: Put
) -> None:
    put(3)
    index.sync()
    number, broken, _ = put(1)
    # A vector of another length: Chroma refuses it in the middle of the change.
    catalogue.run("UPDATE vectors SET vector = ? WHERE passage = ?", (b"\0" * 16, broken[0]))
    with pytest.raises(VectorsFailed):
        index.sync()
    assert index.high is None
    _drop(catalogue, number)
    index.sync()
    assert _held(index) == _wanted(catalogue)


def test_a_folder_that_vanished_is_built_again(tmp_path: Path, catalogue: Catalogue, put: Put) -> None:
    _, numbers, matrix = put(30)
    index = Vectors(tmp_path, catalogue, "embedded")
    index.sync()
    shutil.rmtree(next(tmp_path.glob("vectors-*/")))
    assert index.query(matrix[0], 1) is None
    index.sync()
    assert index.query(matrix[0], 1) == [numbers[0]]
    assert len(list(tmp_path.glob("vectors-*/"))) == 1
    index.close()


def test_a_damaged_folder_is_given_up_not_an_error(tmp_path: Path, catalogue: Catalogue, put: Put) -> None:
    _, _, matrix = put(30)
    writer = Vectors(tmp_path, catalogue, "embedded")
    writer.sync()
    database = next(tmp_path.glob("vectors-*/chroma.sqlite3"))
    database.write_bytes(b"\0" * 5_000)
    reader = Vectors(tmp_path, catalogue, "embedded")
    assert reader.query(matrix[0], 1) is None
    assert reader.high is None
    with pytest.raises(VectorsFailed):
        list(reader.entries())
    reader.close()
    writer.rebuild()
    assert len(_held(writer)) == 30
    writer.close()


def test_another_place_is_another_index(
    tmp_path: Path, catalogue: Catalogue, put: Put, chroma_server: str
) -> None:
    put(3)
    here = Vectors(tmp_path, catalogue, "embedded")
    here.sync()
    there = Vectors(tmp_path, catalogue, chroma_server)
    assert there.state() is None
    there.sync()
    assert len(_held(there)) == 3
    assert here.state() is None
    here.close()
    there.close()


def test_a_collection_that_the_server_lost_is_built_again(
    tmp_path: Path, catalogue: Catalogue, put: Put, chroma_server: str
) -> None:
    put(3)
    index = Vectors(tmp_path, catalogue, chroma_server)
    index.sync()
    with chromadb_client(chroma_server) as client:
        state = index.state()
        assert state is not None
        client.delete_collection(state.name)
    index.sync()
    assert len(_held(index)) == 3
    index.close()


def test_a_server_that_does_not_answer(tmp_path: Path, catalogue: Catalogue, put: Put) -> None:
    put(3)
    index = Vectors(tmp_path, catalogue, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UsageError, match="does not answer"):
        index.reach()
    with pytest.raises(VectorsFailed):
        index.sync()
    assert index.query(np.ones(DIMENSION, np.float32), 1) is None
    index.close()


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://x", "http://", "chroma"])
def test_an_address_that_is_none(tmp_path: Path, catalogue: Catalogue, address: str) -> None:
    with pytest.raises(SettingsError, match="not the address"):
        Vectors(tmp_path, catalogue, address)


def test_chroma_sends_no_telemetry_and_loads_no_model(tmp_path: Path) -> None:
    """In a process of its own, where every connection but to this machine itself is an error."""
    script = """
import socket, sys
from pathlib import Path
def refuse(*arguments, **_):
    raise SystemExit(f"tried to reach {arguments}")
socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
from rag.index.catalogue import Catalogue
from rag.index.vectors import Vectors
catalogue = Catalogue(Path(sys.argv[1]), create=True)
index = Vectors(Path(sys.argv[1]), catalogue, "embedded")
index.rebuild()
index.close()
assert "onnxruntime" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
