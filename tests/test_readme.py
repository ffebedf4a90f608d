"""The README says what is so: its commands parse, its settings are those of the code, its files exist."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

from rag import cli
from rag.settings import Settings


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_table(readme: str) -> None:
    defaults = Settings()
    for section in dataclasses.fields(Settings):
        values = getattr(defaults, section.name)
        for setting in dataclasses.fields(values):
            row = re.search(rf"^\| `{section.name}\.{setting.name}` \| (.*?) \|", readme, re.M)
            assert row, f"{section.name}.{setting.name} is not in the README"
            assert row[1] == f"`{getattr(values, setting.name)}`"


def test_the_commands_parse(readme: str) -> None:
    found = re.findall(r"^\.venv/bin/onrecord (.*?)(?:\s+#.*)?$", readme, re.M)
    assert len(found) >= 5
    for command in found:
        arguments = shlex.split(command)
        if arguments[0] != "eval":
            cli.parser().parse_args(arguments)


def test_the_files_that_it_names_exist(readme: str, repository: Path) -> None:
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (repository / name).exists(), name
