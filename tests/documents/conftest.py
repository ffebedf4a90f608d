"""For the loaders' tests: short ways to load bytes, and the development data beside the checkout."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.documents.isolate import close_workers
from rag.documents.load import Failure, Loaded, load
from rag.settings import DocumentSettings
from rag.types import Document

SHARED = Path(__file__).parents[2].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the development data is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def workers_end() -> Iterator[None]:
    yield
    close_workers()


@pytest.fixture
def settings() -> DocumentSettings:
    return DocumentSettings()


@pytest.fixture
def loads(settings: DocumentSettings) -> Callable[..., list[Loaded | Failure]]:
    """`loads(data, name)`: everything that comes of one file."""

    def run(data: bytes, name: str, limits: DocumentSettings = settings) -> list[Loaded | Failure]:
        return list(load(data, name, limits))

    return run


@pytest.fixture
def document(loads: Callable[..., list[Loaded | Failure]]) -> Callable[..., Document]:
    """`document(data, name)`: the one document of a file; fails where there is another number or a failure."""

    def run(data: bytes, name: str) -> Document:
        (found,) = loads(data, name)
        assert isinstance(found, Loaded), found
        return found.document

    return run


@pytest.fixture
def fails(loads: Callable[..., list[Loaded | Failure]]) -> Callable[..., Failure]:
    """`fails(data, name)`: the one failure of a file."""

    def run(data: bytes, name: str, *limits: DocumentSettings) -> Failure:
        (found,) = loads(data, name, *limits)
        assert isinstance(found, Failure), found
        assert found.error
        assert found.next_step
        return found

    return run


@pytest.fixture
def zipped() -> Callable[[dict[str, bytes]], bytes]:
    def run(files: dict[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return buffer.getvalue()

    return run


def kept(text: str, furniture: tuple[object, ...]) -> str:
    """The text without its furniture."""
    parts, offset = [], 0
    for span in furniture:
        parts.append(text[offset : span.start])  # type: ignore[attr-defined]
        offset = span.end  # type: ignore[attr-defined]
    return "".join([*parts, text[offset:]])
