"""The catalogue: one SQLite file that is the truth about a library. Everything else can be made again from it.

Documents, their canonical text, the paths they were seen under, passages (as spans: their text is a slice of the
document's), and the vectors, so that the vector index can be rebuilt without a model. WAL, so readers never wait for
the writer; `synchronous=FULL`, so that what was acknowledged survives a power cut; `secure_delete`, so that the text
of a removed document does not stay behind in free pages.

A document is *pending* until its passages can be found by every search, then *ready*; *removing* until the last
trace of it is gone. Only *ready* documents are seen by anyone. The `generation` grows with every change of the set
of ready documents; readers compare it before each query. Numbers of documents and passages are never used twice, so
an entry left in a derived index can never be mistaken for a newer one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged, LibraryMissing, UsageError
from rag.wording import Phrase, Way

FILE = "catalogue.sqlite"
SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4F6E5265  # "OnRe": tells our files from any other SQLite database

_SCHEMA = """
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'removing')),
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    characters INTEGER NOT NULL,
    about TEXT NOT NULL,
    source TEXT, published TEXT, language TEXT,
    added_at TEXT NOT NULL
);
CREATE INDEX documents_sha256 ON documents (sha256);
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    complete INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_sha256 ON files (sha256);
CREATE TABLE places (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    file TEXT NOT NULL,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE
);
CREATE INDEX places_file ON places (file);
CREATE INDEX places_document ON places (document);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    heading TEXT,
    tokens INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    UNIQUE (document, ordinal)
);
CREATE TABLE vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE,
    vector BLOB NOT NULL,
    digest INTEGER NOT NULL
);
CREATE TABLE tombstones (passage INTEGER PRIMARY KEY);
"""
# documents.about: the other fields as JSON (title, spans, dates …): nothing is ever searched in them.
# files: what was read from disk, and whether every document in it was taken over (complete).
# places: every path a document was seen under; those inside a file (`box.zip!/a.txt`) name the file they are in.
# passages.digest and vectors.digest: crc32 of the passage's text and of the vector's bytes, for `check`.
# tombstones: passages gone from here that the vector index may still hold; numbers only, no trace of their text.


def is_library(folder: Path) -> bool:
    """Whether `folder` holds a catalogue of ours, by the head of its file."""
    try:
        with open(folder / FILE, "rb") as stream:
            head = stream.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:], "big") == _APPLICATION_ID


class Catalogue:
    """One connection, shared by the threads of a process: each call holds it alone, a transaction throughout."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open `folder`'s catalogue; with `create`, make it where there is none.

        Raises:
            UsageError: it is not ours, or was made by a newer version.
            LibraryDamaged: it cannot be read as a database.
        """
        self.path = folder / FILE
        self._mutex = threading.RLock()
        self._depth = 0
        self._connection = self._connected(create)
        try:
            self._open(create)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if error.sqlite_errorcode in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
                raise LibraryDamaged(
                    f"the library's catalogue cannot be read ({error})",
                    where=str(self.path),
                    next_step="put back a copy of the folder, or make a new library from the files",
                ) from error
            raise
        except BaseException:
            self._connection.close()
            raise

    def _connected(self, create: bool) -> sqlite3.Connection:
        # mode=rw: never make an empty file by looking. immutable: a medium that cannot be written to has no writer,
        # and the files that a reader of a write-ahead log needs cannot be made there.
        modes = ["mode=rwc"] if create else ["mode=rw", "mode=ro&immutable=1"]
        for mode in modes:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?{mode}",
                uri=True,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                connection.close()
                if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
                    raise
                problem = error
            except sqlite3.DatabaseError:
                return connection  # damage: `_open` says so
            else:
                return connection
        raise UsageError(
            f"the library's catalogue cannot be opened ({problem})",
            where=str(self.path),
            next_step=Phrase("check the folder's permissions, or ", Way.OTHER_FOLDER),
        )

    def _open(self, create: bool) -> None:
        run = self._connection.execute
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = ON")
        run("PRAGMA cache_size = -32000")
        application, version = run("PRAGMA application_id").fetchone()[0], self.schema_version()
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application == 0 and tables == 0 and create:
            run("PRAGMA auto_vacuum = INCREMENTAL")
            run("PRAGMA journal_mode = WAL")
            with self.transaction():
                for statement in _SCHEMA.split(";\n"):
                    run(statement)
                run("INSERT INTO state VALUES ('generation', '0')")
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
                run(f"PRAGMA application_id = {_APPLICATION_ID}")
        elif application == 0 and tables == 0:
            raise LibraryMissing(
                "there is no library yet (its first add did not get far)",
                where=str(self.path.parent),
                next_step=Way.ADD_FILES,
            )
        elif application != _APPLICATION_ID:
            raise UsageError(
                "this folder is not a library",
                where=str(self.path.parent),
                next_step=Way.OTHER_FOLDER,
            )
        elif version > SCHEMA_VERSION:
            raise UsageError(
                f"the library was made by a newer version of onrecord (format {version}, known: {SCHEMA_VERSION})",
                where=str(self.path.parent),
                next_step="install the newer version",
            )

    def schema_version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        with self._mutex:
            self._connection.close()

    # Reading and writing ---------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, also over a crash; nested ones join the outermost."""
        with self._mutex:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            yield from self._finish()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read inside sees the same state, whatever a writer does meanwhile."""
        with self._mutex:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN")
            yield from self._finish()

    def _finish(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has already rolled back by itself after some errors, a full disk among them.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._mutex:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        with self._mutex:
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute one statement; gives the number of the row it inserted last."""
        with self._mutex:
            return self._connection.execute(sql, values).lastrowid or 0

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        with self._mutex:
            self._connection.executemany(sql, values)

    def rows_for(self, sql: str, keys: Iterable[Any]) -> list[tuple[Any, ...]]:
        """`sql` holds `IN (?)` once; any number of keys (as one JSON value: SQLite limits the number of values)."""
        return self.rows(
            sql.replace("IN (?)", "IN (SELECT value FROM json_each(?))"), (json.dumps(list(keys)),)
        )

    # Small pieces of state --------------------------------------------------------------------------------------

    def get(self, key: str) -> str | None:
        found = self.row("SELECT value FROM state WHERE key = ?", (key,))
        return None if found is None else str(found[0])

    def set(self, key: str, value: str | None) -> None:
        if value is None:
            self.run("DELETE FROM state WHERE key = ?", (key,))
        else:
            self.run("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    @property
    def confidential(self) -> bool:
        """Whether only answerers on this machine may read the library."""
        return self.get("confidential") == "yes"

    @confidential.setter
    def confidential(self, wanted: bool) -> None:
        self.set("confidential", "yes" if wanted else None)

    @property
    def generation(self) -> int:
        return int(self.get("generation") or 0)

    def next_generation(self) -> None:
        """To be called inside every transaction that changes which documents are ready."""
        self.set("generation", str(self.generation + 1))

    def tidy(self) -> None:
        """Give free pages back and empty the write-ahead log, so that no removed text stays in either.

        The log is emptied as far as readers allow; the next call does the rest.
        """
        with self._mutex:
            # As a script: `execute` gives up after the first step, which frees one page.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def faults(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty where it is whole."""
        found = [str(line) for (line,) in self.rows("PRAGMA integrity_check") if line != "ok"]
        found += [
            f"{table} row {row} refers to a row that is gone"
            for table, row, *_ in self.rows("PRAGMA foreign_key_check")
        ]
        return found
