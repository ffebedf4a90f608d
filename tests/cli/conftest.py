"""A command line that runs as users run it: another process, its own home, standard output and error apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def onrecord() -> Run:
    """`onrecord("ask", "…", library=folder)`; `stdin` is given as text, `environment` is added to the process's own."""

    def run(
        *arguments: str | Path,
        library: Path | None = None,
        stdin: str = "",
        environment: dict[str, str] | None = None,
    ) -> Done:
        command = [sys.executable, "-m", "rag", *map(str, arguments)]
        if library is not None:
            command += ["--library", str(library)]
        done = subprocess.run(
            command,
            input=stdin.encode(),
            capture_output=True,
            timeout=300,
            check=False,
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


REPORT = """Third flight leaves the harbour airfield

By Ines Calloway

Harbour Wire, 20 January 2026

The port authority of Vella sent 37 containers of seized fishing gear to the mainland on Tuesday, the third such \
shipment in a year. The harbour master, Tomas Birk, called the shipment “a sovereign decision”.

Two earlier shipments carried 29 and 26 containers. Officials said the total had reached 92 containers.

“The gear was rotting in our sheds,” said Lena Orsolo, who runs the port’s warehouse. “Nobody else would pay for it.”
"""

SPANISH = """El puerto de Vella cierra el almacén

Redacción, 3 de febrero de 2026

La autoridad portuaria de Vella cerró el almacén el lunes después de la tercera entrega. La directora, Lena Orsolo, \
dijo que las redes incautadas ya no caben en el edificio.
"""


@pytest.fixture(scope="session")
def dossier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short reports about an invented port."""
    folder = tmp_path_factory.mktemp("dossier")
    (folder / "third-shipment.txt").write_text(REPORT, encoding="utf-8")
    (folder / "almacen.txt").write_text(SPANISH, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def filled(onrecord: Run, dossier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the two reports, only read by the tests that use it."""
    library = tmp_path_factory.mktemp("filled") / "library"
    done = onrecord("add", dossier, "--json", library=library)
    assert done.code == 0, done.err
    return library
