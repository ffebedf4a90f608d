"""Readers that use large C libraries run in a worker process: a crash or a hang costs one file, not the whole run.

`parse` sends the bytes to a worker (started at first use, kept for the next file, at most `_IDLE` are kept), waits up
to the time limit, and kills and forgets a worker that crashes or overruns. The worker is a plain `python -m` of this
module, so it never imports the program that started it. What comes back is JSON and raw bytes, not pickle: a reader
that a hostile file has taken over can only return text.

The worker also carries its own alarm, which ends it even inside C code and even when the program above it is gone,
and a limit on memory.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from rag.documents import allowance
from rag.documents.building import Attachment, Parsed
from rag.errors import UnreadableFile
from rag.settings import DocumentSettings
from rag.types import Page, Span

_READERS = {
    "pdf": ("rag.documents.pdf", "parse_pdf"),
    "docx": ("rag.documents.office", "parse_docx"),
    "xlsx": ("rag.documents.office", "parse_xlsx"),
    "csv": ("rag.documents.office", "parse_csv"),
    "image": ("rag.documents.ocr", "parse_image"),
    "html": ("rag.documents.html", "parse_html"),
    "mail": ("rag.documents.mail", "parse_mail"),
    "mbox": ("rag.documents.mail", "parse_mbox"),
    "markdown": ("rag.documents.text", "parse_markdown"),
    "text": ("rag.documents.text", "parse_text"),
}
_IDLE = 2
_START_SECONDS = 60.0  # to start a worker and import its reader, apart from the limit for the file
_MEMORY = 6 * 1024**3  # address space of a worker; the largest real PDFs need well under 2 GiB
_COMMAND = (sys.executable, "-P", "-m", "rag.documents.isolate")
_HEADER = struct.Struct("<Q")
_WATCH_SECONDS = 1.0
_MORE = "more seconds"  # a message of the worker that is not its answer yet


class _WorkerGone(Exception):
    """The worker ended before it answered."""


class _Worker:
    def __init__(self) -> None:
        # The worker finds this package and nothing in the folder where the program happens to run (-P).
        home = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(part for part in (home, os.environ.get("PYTHONPATH", "")) if part)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search}
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # programs that a reader starts (Tesseract) are ended with it
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("Popen gives both pipes that it was asked for")
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self.timed_out = False

    def ask(
        self, message: dict[str, Any], data: bytes, seconds: float, most: float
    ) -> tuple[dict[str, Any], bytes]:
        """The worker's answer; raises _WorkerGone where it died, by itself or by the time limit (`timed_out`).

        The limit is `seconds`; a reader may ask for more, up to `most` in all.
        """
        timer = self._timer(None, _START_SECONDS)
        try:
            _send(self._to, message, b"")
            _receive(self._from)  # it has imported the reader; the file's own time begins
            latest = time.monotonic() + most
            timer = self._timer(timer, seconds)
            _send(self._to, {}, data)
            answer = _receive(self._from)
            while _MORE in answer[0]:
                timer = self._timer(timer, min(float(answer[0][_MORE]), latest - time.monotonic()))
                answer = _receive(self._from)
            return answer
        except (OSError, EOFError, ValueError) as error:
            raise _WorkerGone from error
        finally:
            timer.cancel()

    def _timer(self, before: threading.Timer | None, seconds: float) -> threading.Timer:
        if before is not None:
            before.cancel()
        timer = threading.Timer(max(0.0, seconds), self._expire)
        timer.daemon = True
        timer.start()
        return timer

    def _expire(self) -> None:
        self.timed_out = True
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> int:
        """End the worker and give its exit code; negative is the signal that ended it."""
        for stream in (self._to, self._from):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            return self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()


class _Pool:
    """Idle workers. One worker serves one caller at a time; threads that ask at once get one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._pid = os.getpid()

    def take(self) -> _Worker:
        with self._lock:
            if self._pid != os.getpid():  # after a fork the pipes belong to the parent
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def give_back(self, worker: _Worker) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(worker)
                return
        worker.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        if self._pid == os.getpid():
            for worker in idle:
                worker.close()


_pool = _Pool()
atexit.register(_pool.close)


def close_workers() -> None:
    """End the idle workers now; the next file starts a new one. Done at exit by itself."""
    _pool.close()


def parse(family: str, data: bytes, name: str, settings: DocumentSettings) -> Parsed:
    """`parse_<family>(data, name, settings)` in a worker. Raises UnreadableFile, also for a crash and for lateness."""
    message = {"family": family, "name": name, "settings": _settings_to_json(settings)}
    worker = _pool.take()
    try:
        most = settings.max_seconds + settings.max_pages * (settings.ocr_page_seconds + 1)
        answer, blobs = worker.ask(message, data, settings.max_seconds, most)
    except _WorkerGone:
        worker.kill()
        code = worker.close()
        if worker.timed_out or (code == -getattr(signal, "SIGALRM", 0) and code):
            raise UnreadableFile(
                f"reading it took more than {settings.max_seconds:g} seconds",
                where=name,
                next_step="split the file, or raise documents.max_seconds",
            ) from None
        raise UnreadableFile(
            "the reader of this kind of file crashed on it",
            where=name,
            next_step="open the file, save it again and add that",
        ) from None
    except BaseException:  # interrupted between question and answer: this worker is out of step
        worker.kill()
        worker.close()
        raise
    _pool.give_back(worker)
    if "error" in answer:
        raise UnreadableFile(answer["error"], where=answer["where"], next_step=answer["next_step"])
    return _parsed_from_json(answer, blobs)


def _settings_to_json(settings: DocumentSettings) -> dict[str, Any]:
    return {key: getattr(settings, key) for key in DocumentSettings.__dataclass_fields__}


def _send(stream: IO[bytes], message: dict[str, Any], blob: bytes) -> None:
    header = json.dumps(message).encode()
    stream.write(_HEADER.pack(len(header)) + _HEADER.pack(len(blob)) + header)
    stream.write(blob)
    stream.flush()


def _receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    lengths = _exactly(stream, 2 * _HEADER.size)
    header = _exactly(stream, _HEADER.unpack(lengths[: _HEADER.size])[0])
    message = json.loads(header)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message, _exactly(stream, _HEADER.unpack(lengths[_HEADER.size :])[0])


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _parsed_to_json(parsed: Parsed) -> tuple[dict[str, Any], bytes]:
    plain = ("text", "media_type", "title", "source", "author", "published", "modified", "language")
    message: dict[str, Any] = {key: getattr(parsed, key) for key in plain}
    message["pages"] = [(page.number, page.span.start, page.span.end) for page in parsed.pages]
    message["headings"] = [(span.start, span.end) for span in parsed.headings]
    message["furniture"] = [(span.start, span.end) for span in parsed.furniture]
    message["attachments"] = [(attachment.name, len(attachment.data)) for attachment in parsed.attachments]
    return message, b"".join(attachment.data for attachment in parsed.attachments)


def _parsed_from_json(message: dict[str, Any], blobs: bytes) -> Parsed:
    attachments, offset = [], 0
    for name, size in message.pop("attachments"):
        attachments.append(Attachment(name, blobs[offset : offset + size]))
        offset += size
    pages = tuple(Page(number, Span(start, end)) for number, start, end in message.pop("pages"))
    headings = tuple(Span(start, end) for start, end in message.pop("headings"))
    furniture = tuple(Span(start, end) for start, end in message.pop("furniture"))
    return Parsed(
        pages=pages, headings=headings, furniture=furniture, attachments=tuple(attachments), **message
    )


def _serve() -> None:
    """The worker's loop: a file in, its text out, until the program above closes the pipe."""
    # Some libraries print; what they print must not land between our messages.
    to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    while True:
        try:
            message, _ = _receive(sys.stdin.buffer)
        except EOFError:
            return
        module, function = _READERS[message["family"]]
        reader = getattr(importlib.import_module(module), function)
        settings = DocumentSettings(**message["settings"])
        _send(to, {}, b"")
        try:
            data = _receive(sys.stdin.buffer)[1]
        except EOFError:
            return
        _alarm(settings.max_seconds + 1)
        allowance.listen(lambda seconds: _ask_for(to, seconds))
        try:
            answer, blob = _parsed_to_json(reader(data, message["name"], settings))
        except UnreadableFile as error:
            answer, blob = {"error": error.what, "where": error.where, "next_step": error.next_step}, b""
        except MemoryError:
            answer, blob = _failed(message["name"], "reading it takes too much memory", "split the file"), b""
        except Exception as error:  # noqa: BLE001 - the isolation border: a bug in a parser costs one file
            what = f"the reader of this kind of file failed on it ({type(error).__name__}: {error})"
            answer, blob = (
                _failed(message["name"], what[:300], "open the file, save it again and add that"),
                b"",
            )
        _alarm(0)
        _send(to, answer, blob)


def _ask_for(to: IO[bytes], seconds: float) -> None:
    _alarm(seconds + 1)
    _send(to, {_MORE: seconds}, b"")


def _watch_parent(parent: int) -> None:
    """End this process and what it started (Tesseract) where the program above was killed and nobody waits any more."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _failed(name: str, what: str, next_step: str) -> dict[str, Any]:
    return {"error": what, "where": name, "next_step": next_step}


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


if __name__ == "__main__":
    _serve()
