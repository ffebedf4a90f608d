"""The command line: its arguments and its last border. What the commands do stands in `rag.commands`.

Formats and exit codes are those of the contract in the README ("For programs").
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rag import __version__
from rag import commands as run
from rag.commands import DONE, SOME_FAILED, UNUSABLE
from rag.errors import AnswererError, LibraryDamaged, OnRecordError, UsageError
from rag.terminal import Parser, say

_INTERRUPTED = 130

_SPECS = (
    "offline (built in, the default), openai:MODEL, anthropic:MODEL, ollama:MODEL, openai-compatible:MODEL@URL, "
    "llamacpp:FILE.gguf, huggingface:NAME-OR-FOLDER"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are one line on standard error, `--debug` shows more."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    _prepare_streams()
    try:
        if arguments and arguments[0] == "eval":
            return run.evaluate(arguments[1:])
        parsed = parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = parsed.run
        code = command(parsed)
        sys.stdout.flush()
    except OnRecordError as error:
        if debug:
            traceback.print_exc()
        say(str(error))
        # The others stop work that was half done and is kept (a full disk while adding).
        return UNUSABLE if isinstance(error, UsageError | LibraryDamaged | AnswererError) else SOME_FAILED
    except BrokenPipeError:
        # The reader of our output went away (`onrecord documents | head`): not our failure. Python would
        # complain once more when it flushes at exit, so standard output now leads nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        say("interrupted, what was finished is kept, run the same command again to go on")
        return _INTERRUPTED
    except OSError as error:
        if debug:
            traceback.print_exc()
        say(
            f"the system refused ({error.strerror or error}), {error.filename or 'while printing the result'}, "
            "check rights and free space, then try again"
        )
        return SOME_FAILED
    except Exception as error:  # noqa: BLE001 - the last border: a bug becomes one line and a way to report it
        if debug:
            traceback.print_exc()
        say(
            f"internal error ({type(error).__name__}: {error}), nothing more is known, run again with --debug"
        )
        return SOME_FAILED
    return code


def _prepare_streams() -> None:
    """Let no character and no closed stream stop a command: what a terminal cannot show is escaped.

    Python leaves None where a standard stream was closed, and would print errors on standard output in that case.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _text(argument: str) -> str:
    """An argument that is text: bytes that are not UTF-8 arrive as surrogates (PEP 383), which no text holds."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("this is not text in UTF-8") from None
    return argument


def path_argument(argument: str) -> Path:
    """A path. An empty one (a variable that is not set) would be the current folder with everything in it."""
    if not argument:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(argument)


def _port(argument: str) -> int:
    if not argument.isascii() or not argument.isdigit() or int(argument) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(argument)


def parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="onrecord",
        description="Ask questions of your own documents. Every quote is the source's own text at a known place.",
        epilog="example:\n  onrecord add ~/dossier\n  onrecord ask 'How many people were on the third flight?'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"onrecord {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    _add_library_commands(commands)
    _add_answer_commands(commands)
    _add_other_commands(commands)
    return parser


def _command(
    commands: Any,
    name: str,
    command: Callable[[argparse.Namespace], int],
    what: str,
    example: str,
    *,
    library: bool = True,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=command)
    if library:
        parser.add_argument(
            "--library",
            metavar="DIR",
            type=path_argument,
            help="folder of the library (default: ONRECORD_LIBRARY, else a folder of your user account)",
        )
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")


def _add_library_commands(commands: Any) -> None:
    add = _command(
        commands, "add", run.add, "add files and folders to the library", "onrecord add report.pdf ~/mails"
    )
    add.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=path_argument,
        help="a file, or a folder with all that is in it",
    )
    documents = _command(commands, "documents", run.documents, "list the documents", "onrecord documents")
    show = _command(
        commands,
        "show",
        run.show,
        "print a document's text",
        "onrecord show report-1a2b3c4d --start 120 --end 251",
    )
    show.add_argument(
        "document", metavar="DOC", type=_text, help="a document id, as `onrecord documents` lists them"
    )
    show.add_argument("--start", type=int, metavar="N", help="first character (default 0)")
    show.add_argument("--end", type=int, metavar="N", help="character after the last (default: the end)")
    remove = _command(
        commands,
        "remove",
        run.remove,
        "remove documents from the library without a trace; the files that were added stay where they are",
        "onrecord remove report-1a2b3c4d",
    )
    remove.add_argument("document_ids", metavar="DOC", nargs="+", type=_text, help="document ids")
    check = _command(
        commands,
        "check",
        run.check,
        "verify every passage, vector and index entry against the stored text",
        "onrecord check",
    )
    check.add_argument(
        "--repair", action="store_true", help="rebuild what is missing or damaged from the stored text"
    )
    library = _command(
        commands,
        "library",
        run.library,
        "show what the library holds, and say who may read it",
        "onrecord library --confidential",
    )
    who = library.add_mutually_exclusive_group()
    who.add_argument(
        "--confidential",
        action="store_true",
        default=None,
        help="refuse every answerer that is not on this machine",
    )
    who.add_argument(
        "--not-confidential",
        dest="confidential",
        action="store_false",
        default=None,
        help="allow answerers on other machines again",
    )
    for parser in (add, documents, show, remove, check, library):
        _json_flag(parser)


def _add_answer_commands(commands: Any) -> None:
    ask = _command(
        commands,
        "ask",
        run.ask,
        "ask a question",
        "onrecord ask 'Who defended the transfer?' --source 'Harbour Wire' --from 2026-01-01",
    )
    ask.add_argument("question", metavar="QUESTION", type=_text, help="in quotation marks")
    ask.add_argument("--answerer", metavar="SPEC", help=f"who reads the passages: {_SPECS}")
    ask.add_argument(
        "--source",
        metavar="S",
        type=_text,
        action="append",
        default=[],
        help="only this outlet, by its whole name as `onrecord documents` shows it (repeatable)",
    )
    ask.add_argument(
        "--document",
        metavar="ID",
        type=_text,
        action="append",
        default=[],
        help="only this document (repeatable)",
    )
    ask.add_argument(
        "--language",
        metavar="L",
        type=_text,
        action="append",
        default=[],
        help="only this language, as in `en`",
    )
    ask.add_argument(
        "--from", dest="date_from", metavar="DATE", help="published on or after this day (YYYY-MM-DD)"
    )
    ask.add_argument(
        "--to", dest="date_to", metavar="DATE", help="published on or before this day (YYYY-MM-DD)"
    )
    ask.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="least confidence, 0 to 1, at which to answer; higher declines more often",
    )
    ask.add_argument(
        "--export",
        type=path_argument,
        metavar="FILE",
        help="also write FILE.md (Markdown) or FILE.zip (evidence pack)",
    )
    _json_flag(ask)
    export = _command(
        commands,
        "export",
        run.export,
        "turn a saved answer into Markdown or an evidence pack",
        "onrecord ask 'How many?' --json > answer.json && onrecord export answer.json answer.zip",
    )
    export.add_argument(
        "answer", metavar="ANSWER.json", help="made by `onrecord ask QUESTION --json`; - for standard input"
    )
    export.add_argument(
        "target",
        metavar="FILE",
        type=path_argument,
        help="FILE.md for Markdown, FILE.zip for an evidence pack",
    )
    verify = _command(
        commands,
        "verify",
        run.verify,
        "check an evidence pack with nothing else at hand",
        "onrecord verify answer.zip",
        library=False,
    )
    verify.add_argument("pack", metavar="PACK", type=path_argument, help="a ZIP made by `onrecord export`")
    verify.add_argument("--seal", metavar="HEX", help="the seal that was printed when the pack was made")
    for parser in (export, verify):
        _json_flag(parser)


def _add_other_commands(commands: Any) -> None:
    serve = _command(
        commands,
        "serve",
        run.serve,
        "start the web app and print the address to open in a browser",
        "onrecord serve --port 7860",
    )
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine only)"
    )
    serve.add_argument("--port", type=_port, default=7860, help="port (default 7860)")
    serve.add_argument("--answerer", metavar="SPEC", help=f"who reads the passages: {_SPECS}")
    serve.add_argument(
        "--auth-file",
        type=path_argument,
        metavar="FILE",
        help="lines user:password-hash (see `onrecord password`)",
    )
    answerers = _command(
        commands,
        "answerers",
        run.answerers,
        "list who can read the passages now, and why the rest cannot",
        "onrecord answerers ollama:llama3.2",
        library=False,
    )
    answerers.add_argument(
        "specs", metavar="SPEC", nargs="*", type=_text, help="only look at these (default: every kind)"
    )
    _json_flag(answerers)
    password = _command(
        commands,
        "password",
        run.password,
        "ask for a password and print a line for the auth file of `onrecord serve`",
        "onrecord password ana >> users.txt",
        library=False,
    )
    password.add_argument("user", metavar="USER", type=_text, help="the name to log in with")
    # The bench is another package with a command line of its own; `main` hands its arguments over as they are.
    commands.add_parser("eval", help="measure answers, retrieval and reading")
