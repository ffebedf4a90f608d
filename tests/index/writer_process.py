"""A process that writes to a library, to be killed: python -m tests.index.writer_process LIBRARY FILES [OPTION…].

It adds the folder FILES; with `remove ID…` it removes those documents instead. `packaged` uses the packaged embedder
instead of the hashing one; `retry` waits for the lock. Prints "begin" to standard output once everything is imported;
"done", or the error that a user would see (with exit code 2), to standard error.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rag.errors import LibraryLocked, OnRecordError
from rag.index.library import Library
from rag.settings import Settings

from .conftest import HashEmbedder


def main(library: Path, files: Path, options: list[str]) -> int:
    import tantivy  # noqa: F401

    print("begin", flush=True)
    embedder = None if "packaged" in options else HashEmbedder(dimension=64)
    while True:
        try:
            with Library.open(library, Settings(), write=True, create=True, embedder=embedder) as opened:
                if "remove" in options:
                    opened.remove(options[options.index("remove") + 1 :])
                else:
                    opened.add([files])
        except LibraryLocked as error:
            if "retry" in options:
                time.sleep(0.02)
                continue
            print(error, file=sys.stderr)
            return 2
        except OnRecordError as error:
            print(error, file=sys.stderr)
            return 2
        print("done", file=sys.stderr)
        return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
