"""The vector index in Chroma, embedded or on a `chroma run` server: the only door to chromadb.

Derived from the catalogue, which holds the vectors too. Measured of embedded Chroma 1.5.9: killed in the middle of a
write, a folder can be unusable for ever or fill the disk when it is next opened; a second process that writes loses
rows; a client that is open does not see another's writes. Hence:

- A *dirty* mark is committed to the catalogue (which is fsynced) before Chroma is touched, and taken away after a
  clean close. What is found dirty is never opened: it is deleted and built again from the catalogue.
- Each time of writing gives the folder a new name, so that a client which another process still holds can only find
  its path gone. Readers hold a lock during a query and look at the mark under it; the writer waits for that lock once
  after setting the mark, and so knows that nobody is inside.
- Where the index is dirty, missing or unreachable, `query` gives None and the caller searches exactly: slower, right.

Entries have the catalogue's passage number as id, and neither text nor metadata: nothing of a removed document can
stay here, and filters are resolved by the catalogue, which was measured to be faster.

Writing costs about a tenth of what embedding costs (3,100 rows of 384 numbers a second on one core against some 120
passages), so every `add` brings the index up to date before it ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import OnRecordError, SettingsError, UsageError
from rag.index.catalogue import Catalogue
from rag.wording import REPAIR

if TYPE_CHECKING:
    from filelock import FileLock

Matrix = NDArray[np.float32]

_log = logging.getLogger(__name__)

_BATCH = 250  # rows a call; small, because folders broke far more often when killed inside a batch of 1,000
_PAGE = 2_000  # rows read back at a time by `entries`
_SERVER_SECONDS = 120.0  # for one answer of a Chroma server


class VectorsFailed(OnRecordError):
    """Chroma, or its server, failed. The catalogue is not affected."""


@dataclass(frozen=True, slots=True)
class _State:
    """What the catalogue knows of the index: where it is, its name there, and up to which passage it goes."""

    where: str
    name: str
    high: int
    serial: int


class _Home(Protocol):
    """Where named Chroma collections live."""

    def exists(self, name: str) -> bool: ...
    def open(self, name: str, *, create: bool) -> Any: ...
    def close(self) -> None: ...
    def advance(self, name: str, serial: int) -> str: ...
    def new_name(self, serial: int) -> str: ...
    def drop_all(self) -> None: ...
    def flush(self, name: str) -> None: ...


def import_chroma() -> Any:
    """chromadb with its telemetry off (it must be, before the import)."""
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    import chromadb

    return chromadb


@contextlib.contextmanager
def _chroma_errors(where: str) -> Iterator[None]:
    """The border to Chroma: whatever goes wrong in it, its Rust panics included, becomes VectorsFailed."""
    try:
        yield
    except sqlite3.Error:
        raise  # the catalogue's own
    # Chroma raises its own errors, httpx's, and plain ones (AttributeError where a folder cannot be opened twice).
    except Exception as error:
        raise _failed(error, where) from error
    except BaseException as error:
        # Panics of Rust code derive from BaseException and have no importable class.
        if type(error).__name__ != "PanicException":
            raise
        raise _failed(error, where) from error


def _failed(error: BaseException, where: str) -> VectorsFailed:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return VectorsFailed(f"the vector index failed ({lines[0][:200]})", where=where, next_step=REPAIR)


class _Folder:
    """Embedded Chroma: each index is a folder of its own inside the library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client: Any = None

    def exists(self, name: str) -> bool:
        return (self._folder / name / "chroma.sqlite3").exists()

    def new_name(self, serial: int) -> str:
        return f"vectors-{serial:06d}"

    def open(self, name: str, *, create: bool) -> Any:
        chromadb = import_chroma()
        from chromadb.config import Settings

        self.close()
        quiet = Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(path=str(self._folder / name), settings=quiet)
        return _collection(self._client, "passages", create)

    def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            client.close()

    def advance(self, name: str, serial: int) -> str:
        following = self.new_name(serial)
        os.rename(self._folder / name, self._folder / following)
        return following

    def drop_all(self) -> None:
        self.close()
        for folder in self._folder.glob("vectors-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def flush(self, name: str) -> None:
        """Chroma does not fsync its graph files; a power cut after the mark is gone must not damage them."""
        for path in [*(self._folder / name).rglob("*"), self._folder / name]:
            if path.is_file():
                descriptor = os.open(path, os.O_RDWR)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


class _Server:
    """A Chroma server: each index is a collection, named after the library."""

    def __init__(self, url: str, library: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError(
                f"{url!r} is not the address of a Chroma server",
                where="index.vectors",
                next_step="use embedded, or an address such as http://localhost:8000",
            )
        self._url, self._parts, self._prefix = url, parts, f"onrecord-{library}-"
        self._client: Any = None

    def _connect(self) -> Any:
        if self._client is None:
            chromadb = import_chroma()
            from chromadb.config import Settings

            secure = self._parts.scheme == "https"
            port = self._parts.port or (443 if secure else 80)
            # Chroma's own first request has no time limit.
            socket.create_connection((self._parts.hostname, port), timeout=10).close()
            self._client = chromadb.HttpClient(
                host=self._parts.hostname,
                port=port,
                ssl=secure,
                settings=Settings(anonymized_telemetry=False),
            )
            for session in self._sessions():
                session.timeout = _SERVER_SECONDS
        return self._client

    def _sessions(self) -> list[Any]:
        """The client's HTTP sessions: Chroma 1.5 waits for ever by default, and leaves them open when it is closed."""
        return [self._client._server._session, self._client._admin_client._server._session]

    def exists(self, name: str) -> bool:
        return name in self._names()

    def _names(self) -> list[str]:
        with _chroma_errors(self._url):
            return [collection.name for collection in self._connect().list_collections()]

    def new_name(self, serial: int) -> str:
        return f"{self._prefix}{serial:06d}"

    def open(self, name: str, *, create: bool) -> Any:
        return _collection(self._connect(), name, create)

    def close(self) -> None:
        if self._client is not None:
            for session in self._sessions():
                session.close()
            client, self._client = self._client, None
            client.close()

    def advance(self, name: str, serial: int) -> str:
        return name

    def drop_all(self) -> None:
        for name in self._names():
            if name.startswith(self._prefix):
                self._connect().delete_collection(name)

    def flush(self, name: str) -> None:
        """The server looks after its own files."""


def _collection(client: Any, name: str, create: bool) -> Any:
    if create:
        return client.create_collection(
            name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
    return client.get_collection(name, embedding_function=None)


class Vectors:
    """The library's vector index, brought up to date by `sync` and searched by `query`."""

    def __init__(self, folder: Path, catalogue: Catalogue, where: str) -> None:
        """`where`: "embedded", or the address of a Chroma server. Nothing is opened yet."""
        self._where = where
        self._catalogue = catalogue
        self.remote = where != "embedded"
        self._home: _Home = _Server(where, catalogue.get("library") or "") if self.remote else _Folder(folder)
        self._folder = folder
        self._mutex = threading.Lock()
        self._opened: tuple[_State, Any] | None = None
        self._given_up: _State | None = None

    @cached_property
    def _in_use(self) -> FileLock:
        """Between processes, and between the threads of this one. Imported late: asking a small library needs it not."""
        from filelock import FileLock

        return FileLock(self._folder / "vectors.lock", thread_local=False, poll_interval=0.005)

    @staticmethod
    def prepare() -> None:
        """Import chromadb in the background (about a second), while there is other work to do."""
        threading.Thread(target=import_chroma, name="onrecord-import-chroma", daemon=True).start()

    def reach(self) -> None:
        """Raises UsageError where the index is on a server that does not answer."""
        if self.remote:
            try:
                with _chroma_errors(self._where):
                    self._home.exists("")
            except VectorsFailed as error:
                raise UsageError(
                    f"the Chroma server does not answer ({error.what})",
                    where=self._where,
                    next_step="start it with: chroma run, or set index.vectors to embedded",
                ) from error

    def state(self) -> _State | None:
        """None where there is no index that may be opened."""
        recorded = self._catalogue.get("vectors")
        if recorded is None or self._catalogue.get("vectors_dirty"):
            return None
        state = _State(**json.loads(recorded))
        if state.where != self._where or (not self.remote and not self._home.exists(state.name)):
            return None
        return state

    @property
    def high(self) -> int | None:
        """The number of the last passage that the index holds; None where it cannot be searched."""
        state = self.state()
        return None if state is None or state == self._given_up else state.high

    # Reading -----------------------------------------------------------------------------------------------------

    def query(self, vector: Matrix, limit: int) -> list[int] | None:
        """Numbers of the nearest passages, best first (approximately: recall@10 is 0.98); None where not searchable."""
        with self._mutex, self._inside():
            state = self.state()
            if state is None or state == self._given_up:
                return None
            try:
                with _chroma_errors(self._where):
                    collection = self._reader(state)
                    found = collection.query(
                        query_embeddings=[vector], n_results=limit, include=["distances"]
                    )
            except VectorsFailed as error:
                _log.warning("%s; searching without it", error)
                self._given_up, self._opened = state, None
                return None
            return [int(number) for number in found["ids"][0]]

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Keeps a writer from touching the index. Where no lock can be made (a read-only medium), there is no writer."""
        try:
            self._in_use.acquire()
        except OSError:
            yield
            return
        try:
            yield
        finally:
            self._in_use.release()

    def _reader(self, state: _State) -> Any:
        if self._opened is None or self._opened[0] != state:
            self._opened = (state, self._home.open(state.name, create=False))
        return self._opened[1]

    def entries(self) -> Iterator[tuple[list[int], Matrix]]:
        """Everything in the index, in portions. Raises VectorsFailed; empty where there is no index."""
        with self._mutex, self._inside():
            state = self.state()
            if state is None:
                return
            with _chroma_errors(self._where):
                collection = self._reader(state)
                for offset in range(0, collection.count(), _PAGE):
                    part = collection.get(limit=_PAGE, offset=offset, include=["embeddings"])
                    yield [int(number) for number in part["ids"]], np.asarray(part["embeddings"], np.float32)

    def close(self) -> None:
        with self._mutex:
            self._opened = None
            self._home.close()

    # Writing: only by the holder of the library's writer lock ------------------------------------------------------

    def sync(self) -> None:
        """Bring the index to what the catalogue says; build it where there is none, or none that may be opened.

        Raises VectorsFailed; the index is then marked dirty, and the next call builds it again.
        """
        with self._mutex:
            self._opened = None
            self._home.close()
            state = self.state()
            if state is not None and self.remote and not self._home.exists(state.name):
                state = None
            if state is None:
                self._rebuild()
                return
            gone = [
                n
                for (n,) in self._catalogue.rows(
                    "SELECT passage FROM tombstones WHERE passage <= ?", (state.high,)
                )
            ]
            fresh = self._catalogue.row(
                "SELECT 1 FROM passages JOIN documents ON documents.number = document "
                "WHERE passages.number > ? AND state = 'ready' LIMIT 1",
                (state.high,),
            )
            if gone or fresh:
                self._change(state, gone)

    def rebuild(self) -> None:
        """Build the index anew from the catalogue's vectors, whatever there is. Raises VectorsFailed."""
        with self._mutex:
            self._opened = None
            self._rebuild()

    def _change(self, state: _State, gone: Sequence[int]) -> None:
        serial = state.serial + 1
        self._mark_dirty()
        with self._in_use:
            pass  # queries that saw no mark have ended
        with _chroma_errors(self._where):
            name = self._home.advance(state.name, serial)
            collection = self._home.open(name, create=False)
            for start in range(0, len(gone), _BATCH):
                collection.delete(ids=[str(number) for number in gone[start : start + _BATCH]])
            high = self._append(collection, state.high)
            self._settle(replace(state, name=name, high=high, serial=serial))

    def _rebuild(self) -> None:
        recorded = self._catalogue.get("vectors")
        serial = (json.loads(recorded)["serial"] if recorded else 0) + 1
        name = self._home.new_name(serial)
        state = _State(where=self._where, name=name, high=0, serial=serial)
        with self._catalogue.transaction():
            self._mark_dirty()
            self._catalogue.set("vectors", json.dumps(asdict(state)))
        with self._in_use:
            pass
        with _chroma_errors(self._where):
            self._home.drop_all()
            high = self._append(self._home.open(name, create=True), 0)
            self._settle(replace(state, high=high))

    def _mark_dirty(self) -> None:
        self._catalogue.set("vectors_dirty", "1")

    def _append(self, collection: Any, high: int) -> int:
        """Add every ready passage with a number above `high`; gives the highest."""
        while True:
            rows = self._catalogue.rows(
                "SELECT passages.number, vector FROM passages JOIN documents ON documents.number = document "
                "JOIN vectors ON passage = passages.number "
                "WHERE passages.number > ? AND state = 'ready' ORDER BY passages.number LIMIT ?",
                (high, _BATCH),
            )
            if not rows:
                return high
            matrix = np.frombuffer(b"".join(vector for _, vector in rows), np.float32)
            collection.add(ids=[str(number) for number, _ in rows], embeddings=matrix.reshape(len(rows), -1))
            high = rows[-1][0]

    def _settle(self, state: _State) -> None:
        self._home.close()
        self._home.flush(state.name)
        with self._catalogue.transaction():
            self._catalogue.set("vectors", json.dumps(asdict(state)))
            self._catalogue.set("vectors_dirty", None)
            self._catalogue.run("DELETE FROM tombstones")
