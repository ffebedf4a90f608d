"""Nothing leaves the machine: no process of ours looks up a name or opens a connection, and none needs to.

Two watches at once, where the system allows: an audit hook in every Python process (it sees attempts, also those that a
library swallows), and a network namespace without any interface (native code cannot get out either).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_WATCH = """
import sys

def _watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        with open({log!r}, "a") as log:
            log.write(f"{{sys.argv}} {{event}} {{arguments!r}}\\n")

sys.addaudithook(_watch)
"""


def _alone() -> list[str]:
    """The command prefix that runs a program without any network interface, or nothing where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    prefix = [unshare, "--map-root-user", "--net"]
    return (
        prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else []
    )


@pytest.fixture
def watched(tmp_path: Path) -> tuple[dict[str, str], Path]:
    log = tmp_path / "network.log"
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(_WATCH.format(log=str(log)), encoding="utf-8")
    # Without the variables that could switch a library's telemetry off for us.
    silenced = {"CI", "DO_NOT_TRACK", "ANONYMIZED_TELEMETRY", "ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"}
    environment = {name: value for name, value in os.environ.items() if name not in silenced}
    return {**environment, "PYTHONPATH": str(tmp_path / "watch")}, log


def test_the_watch_sees_an_attempt(watched: tuple[dict[str, str], Path]) -> None:
    environment, log = watched
    program = "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 0.1)\nexcept OSError: pass"
    subprocess.run([*_alone(), sys.executable, "-c", program], env=environment, check=True)
    assert "192.0.2.1" in log.read_text(encoding="utf-8")


def test_adding_asking_and_exporting_need_no_network(
    watched: tuple[dict[str, str], Path], repository: Path, tmp_path: Path
) -> None:
    environment, log = watched
    files = sorted((repository / "corpus" / "dossier").iterdir())
    for arguments in (
        ["add", *map(str, files)],
        ["ask", "How many prisoners were on the third flight?", "--export", str(tmp_path / "answer.zip")],
        ["check"],
    ):
        command = [*_alone(), sys.executable, "-m", "rag", *arguments, "--library", str(tmp_path / "library")]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text(encoding="utf-8")
