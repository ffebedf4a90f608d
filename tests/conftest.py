"""Shared by all tests: a home of their own, so that no test reads or writes the user's settings, cache or library."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# Before any import of a library that looks these up.
os.environ.update(
    {
        "ANONYMIZED_TELEMETRY": "False",
        "ORT_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
)


@pytest.fixture(scope="session", autouse=True)
def own_home() -> Iterator[Path]:
    """A folder for settings, data and cache that lives as long as the test run; the model is converted once in it."""
    folder = Path(tempfile.mkdtemp(prefix="onrecord-tests-"))
    kept = {name: value for name, value in os.environ.items() if name.startswith(("ONRECORD_", "XDG_"))}
    for name in kept:
        del os.environ[name]
    os.environ["ONRECORD_CACHE"] = str(folder / "cache")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    yield folder
    for name in ("ONRECORD_CACHE", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ.pop(name, None)
    os.environ.update(kept)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The development data beside the checkout; tests that need it carry the marker `shared`."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "seeds").is_dir():
        pytest.skip("the development data is not beside this checkout")
    return folder
