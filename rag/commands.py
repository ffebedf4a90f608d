"""What each command does: arguments in, output printed, exit code out.

Each command imports what it needs when it runs: `onrecord ask` must answer within two seconds of a cold start.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.settings import Settings, default_library, load_settings
from rag.terminal import print_json, say

DONE, SOME_FAILED, UNUSABLE = 0, 1, 2


def _folder(arguments: argparse.Namespace) -> Path:
    folder: Path | None = arguments.library
    return folder or default_library()


def _library(
    arguments: argparse.Namespace, settings: Settings, *, write: bool = False, create: bool = False
) -> Any:
    from rag.index.library import Library

    return Library.open(_folder(arguments), settings, write=write, create=create)


def add(arguments: argparse.Namespace) -> int:
    from rag.progress import TerminalProgress

    for path in arguments.paths:
        if not os.path.lexists(path):
            raise UsageError(
                "there is no such file or folder", where=_name(path), next_step="correct the path"
            )
    with (
        _library(arguments, load_settings(), write=True, create=True) as library,
        TerminalProgress() as progress,
    ):
        report = library.add(arguments.paths, progress).as_json()
    if arguments.json:
        print_json(report)
    else:
        _print_add(report, _folder(arguments))
    return SOME_FAILED if report["failed"] else DONE


def _print_add(report: dict[str, Any], folder: Path) -> None:
    from rag.render import printable

    for kind in ("added", "updated"):
        for entry in report[kind]:
            facts = [entry["source"], entry["published"] and entry["published"][:10], entry["language"]]
            about = ", ".join(fact for fact in facts if fact)
            name = entry["title"] or _file_name(entry["path"])
            line = f"{kind:8} {entry['document_id']}  {name}{f'  ({about})' if about else ''}"
            print(printable(line))
    for entry in report["copies"]:
        print(printable(f"copy     {entry['path']}  same as {entry['document_id']}"))
    counts = [f"{len(report[kind])} {kind}" for kind in ("added", "updated", "unchanged", "copies", "failed")]
    print(
        f"{', '.join(counts)}; {_counted(report['passages'], 'passage')} in {report['seconds']:.1f} s; "
        f"library {_name(folder)}"
    )
    for entry in report["failed"]:
        say(printable(f"{entry['error']}, {entry['path']}, {entry['next_step']}"))


def documents(arguments: argparse.Namespace) -> int:
    from rag.render import printable

    with _library(arguments, load_settings()) as library:
        documents = [record.as_json() for record in library.documents()]
    if arguments.json:
        print_json({"documents": documents})
        return DONE
    for entry in documents:
        facts = [
            entry["source"],
            (entry["published"] or "no date")[:10],
            entry["language"],
            entry["media_type"],
        ]
        print(printable(f"{entry['document_id']}\n    {entry['title'] or _file_name(entry['path'])}"))
        print(
            printable(f"    {' · '.join(fact for fact in facts if fact)} · {entry['characters']} characters")
        )
        for copy in entry["copies"]:
            print(printable(f"    {copy}"))
    print(f"{_counted(len(documents), 'document')} in {_name(_folder(arguments))}")
    return DONE


def show(arguments: argparse.Namespace) -> int:
    from rag.types import Span

    with _library(arguments, load_settings()) as library:
        document = library.document(arguments.document)
        record = library.record(arguments.document).as_json()
    start = arguments.start or 0
    end = len(document.text) if arguments.end is None else arguments.end
    if not 0 <= start <= end <= len(document.text):
        raise UsageError(
            f"the document has no characters {start} to {end}",
            where=document.id,
            next_step=f"give a --start and an --end from 0 to {len(document.text)}, the start not after the end",
        )
    text = Span(start, end).of(document.text)
    if arguments.json:
        print_json({**record, "text": text})
    else:
        print(text)
    return DONE


def remove(arguments: argparse.Namespace) -> int:
    ids = list(dict.fromkeys(arguments.document_ids))
    with _library(arguments, load_settings(), write=True) as library:
        library.remove(ids)
    if arguments.json:
        print_json({"removed": ids})
    else:
        print(f"removed {', '.join(ids)}")
    return DONE


def check(arguments: argparse.Namespace) -> int:
    with _library(arguments, load_settings(), write=arguments.repair) as library:
        report = library.repair() if arguments.repair else library.check()
    problems = list(report.problems)
    if arguments.json:
        print_json({"documents": report.documents, "passages": report.passages, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        next_step = "add those files again" if arguments.repair else "try --repair"
        verdict = f"{_counted(len(problems), 'problem')}, {next_step}" if problems else "nothing wrong"
        print(f"{_counted(report.documents, 'document')}, {_counted(report.passages, 'passage')}: {verdict}")
    return SOME_FAILED if problems else DONE


def library(arguments: argparse.Namespace) -> int:
    wanted: bool | None = arguments.confidential
    with _library(arguments, load_settings(), write=wanted is not None) as library:
        if wanted is not None:
            library.set_confidential(wanted)
        summary = library.summary()
    if arguments.json:
        print_json({**summary.as_json(), "folder": _name(library.folder)})
        return DONE
    print(_name(library.folder))
    print(f"    {_counted(summary.documents, 'document')}, {_counted(summary.passages, 'passage')}")
    print(f"    embedder: {summary.embedder}")
    print(
        "    confidential: yes, answerers that are not on this machine are refused"
        if summary.confidential
        else "    confidential: no (make it so with --confidential)"
    )
    return DONE


def ask(arguments: argparse.Namespace) -> int:
    from rag.pipeline import Pipeline, make_answerer
    from rag.render import answer_json, answer_text
    from rag.types import Question

    settings = load_settings()
    if arguments.threshold is not None and not 0 <= arguments.threshold <= 1:
        raise UsageError(
            "a threshold lies between 0 and 1", where="--threshold", next_step="give one of these"
        )
    settings = settings.with_answer(answerer=arguments.answerer, threshold=arguments.threshold)
    question = Question(arguments.question, _filters(arguments))
    if arguments.export:
        _exporter(arguments.export)
    with _library(arguments, settings) as library:
        answerer = make_answerer(settings.answer.answerer, library, settings)
        answer = Pipeline(library, settings, answerer).ask(question)
        if not answer.hits and arguments.source:
            _warn_of_unknown_sources(arguments.source, library)
        if arguments.json:
            print_json(answer_json(answer))
        else:
            documents = {
                hit.passage.document_id: library.document(hit.passage.document_id) for hit in answer.hits
            }
            colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            width = min(100, os.get_terminal_size().columns) if sys.stdout.isatty() else 100
            sys.stdout.write(answer_text(answer, documents, colour=colour, width=max(40, width)))
        if arguments.export:
            _exporter(arguments.export)(answer_json(answer), library, settings, arguments.export)
    return DONE


def _filters(arguments: argparse.Namespace) -> Any:
    from rag.types import Filters

    first, last = _day("--from", arguments.date_from), _day("--to", arguments.date_to)
    if first and last and first > last:
        raise UsageError(
            f"the first day ({first}) is after the last ({last})",
            where="--from and --to",
            next_step="exchange the two",
        )
    return Filters(
        sources=tuple(arguments.source),
        documents=tuple(arguments.document),
        languages=tuple(arguments.language),
        date_from=first,
        date_to=last,
    )


def _day(flag: str, text: str | None) -> str | None:
    """The day of an ISO 8601 date or date-time, as YYYY-MM-DD."""
    if text is None:
        return None
    try:
        return dt.datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise UsageError(
            f"{text!r} is not a day", where=flag, next_step="write the day as YYYY-MM-DD"
        ) from None


def _warn_of_unknown_sources(asked: Sequence[str], library: Any) -> None:
    """A misspelt outlet would look as if the documents did not say."""
    known = {record.source for record in library.documents() if record.source}
    folded = {source.casefold() for source in known}
    for source in asked:
        if source.casefold() not in folded:
            names = ", ".join(sorted(known)[:20])
            say(
                f"no document is from this outlet, --source {source}, "
                + (f"use one that the library has: {names}" if names else "no document names its outlet")
            )


def _exporter(target: Path) -> Callable[[dict[str, Any], Any, Settings, Path], None]:
    if target.suffix.lower() == ".md":
        return _write_markdown
    if target.suffix.lower() == ".zip":
        return _write_pack
    raise UsageError("an export ends in .md or .zip", where=str(target), next_step="name the file so")


def _write_markdown(answer: dict[str, Any], library: Any, _settings: Settings, target: Path) -> None:
    from rag.export import check_against, to_markdown, write_file

    check_against(answer, library)
    write_file(target, to_markdown(answer).encode())
    print(f"wrote {_name(target)}", file=sys.stderr)


def _write_pack(answer: dict[str, Any], library: Any, settings: Settings, target: Path) -> None:
    from rag.export import write_pack

    seal = write_pack(answer, library, settings, target)
    print(f"wrote {_name(target)}; seal (keep it apart from the pack): {seal}", file=sys.stderr)


def export(arguments: argparse.Namespace) -> int:
    exporter = _exporter(arguments.target)
    try:
        raw = (
            sys.stdin.read()
            if arguments.answer == "-"
            else Path(arguments.answer).read_text(encoding="utf-8")
        )
        answer = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the answer cannot be read ({error})",
            where=arguments.answer,
            next_step="give a file made by `onrecord ask QUESTION --json`",
        ) from error
    if not isinstance(answer, dict):
        raise UsageError(
            "this is not the JSON of an answer",
            where=arguments.answer,
            next_step="give a file made by `onrecord ask QUESTION --json`",
        )
    settings = load_settings()
    with _library(arguments, settings) as library:
        exporter(answer, library, settings, arguments.target)
    if arguments.json:
        print_json({"file": _name(arguments.target)})
    return DONE


def verify(arguments: argparse.Namespace) -> int:
    from rag.evidence import verify_pack
    from rag.render import printable

    report = verify_pack(arguments.pack, arguments.seal)
    if arguments.json:
        print_json(report.as_json())
    else:
        for line in (*report.changed, *report.notes):
            print(printable(line))
        verdict = f"{len(report.changed)} things changed" if report.changed else "nothing changed"
        print(f"{report.quotes} quotes from {report.documents} documents, {report.checked} checks: {verdict}")
        print(f"seal: {report.seal}")
    return SOME_FAILED if report.changed else DONE


def answerers(arguments: argparse.Namespace) -> int:
    """Exit code 1 where a SPEC that was asked for is not usable; the list of all kinds always ends with 0."""
    from rag.answer.llms import answerers, checked
    from rag.render import printable

    found = [checked(spec) for spec in arguments.specs] or answerers()
    if arguments.json:
        print_json({"answerers": [status.as_json() for status in found]})
    else:
        for status in found:
            where = "on this machine" if status.host is None else f"sends text to {status.host}"
            print(printable(f"{'yes' if status.usable else 'no ':3}  {status.spec}"))
            print(printable(f"     {status.why}{f'; {where}' if status.usable else f'; {status.next_step}'}"))
            for spec in status.ready:
                if spec != status.spec:
                    print(printable(f"     {spec}"))
    return SOME_FAILED if arguments.specs and not all(status.usable for status in found) else DONE


def serve(arguments: argparse.Namespace) -> int:
    from rag.passwords import read_auth_file
    from rag.pipeline import check_spec

    users = read_auth_file(arguments.auth_file) if arguments.auth_file else None
    if arguments.host not in {"127.0.0.1", "localhost", "::1"} and users is None:
        raise UsageError(
            "other machines could reach the app without a password",
            where=f"--host {arguments.host}",
            next_step="give --auth-file FILE (lines made by `onrecord password USER`), or leave --host out",
        )
    settings = load_settings().with_answer(answerer=arguments.answerer)
    check_spec(settings.answer.answerer)
    # `rag` does not know the app at import time; the command line is where the two meet.
    app = importlib.import_module("ui.app")
    return int(app.serve(_folder(arguments), settings, host=arguments.host, port=arguments.port, users=users))


def password(arguments: argparse.Namespace) -> int:
    from rag.passwords import hash_password

    user = arguments.user
    if not user or not user.isprintable() or any(part in user for part in ": ") or user.startswith("#"):
        raise UsageError(
            "a user name is not empty, holds no colon and no space, and does not start with #",
            where=user,
            next_step="choose another",
        )
    if sys.stdin.isatty():
        from getpass import getpass

        password = getpass("Password: ")
        if getpass("Again: ") != password:
            raise UsageError("the two passwords differ", next_step="try again")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise UsageError("the password is empty", next_step="type one, or give it on standard input")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise UsageError("the password is not text in UTF-8", next_step="choose another") from None
    print(f"{arguments.user}:{hash_password(password)}")
    return DONE


def evaluate(arguments: Sequence[str]) -> int:
    return int(importlib.import_module("evals.cli").main(arguments))


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _name(path: Path) -> str:
    """A path as text that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
