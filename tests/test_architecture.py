"""The rules of the house that no single module can keep: who may import what, who may make a quote."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
RAG = sorted((REPOSITORY / "rag").rglob("*.py"))
MAX_LINES = 500
# Each heavy package and the only modules (or the only folder) that may import it.
DOORS = {
    "chromadb": {"rag/index/vectors.py"},
    "llama_index": {"rag/llamaindex.py", "rag/answer/llms/"},
    "openai": {"rag/answer/llms/"},
    "llama_cpp": {"rag/answer/llms/"},
    "sentence_transformers": {"rag/index/embed.py"},
    "transformers": {"rag/index/embed.py", "rag/answer/llms/"},
    "torch": {"rag/index/embed.py", "rag/answer/llms/huggingface.py"},
    "gradio": set(),
    "trafilatura": {"rag/documents/html.py"},
    "tantivy": {"rag/index/lexical.py"},
    "pypdfium2": {"rag/documents/"},
    "docx": {"rag/documents/"},
    "openpyxl": {"rag/documents/"},
}
# What an `ask` over a small library must not load: each of these takes from half a second to five.
SLOW = [
    "torch",
    "llama_index",
    "trafilatura",
    "gradio",
    "chromadb",
    "sentence_transformers",
    "transformers",
    "openai",
]


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Every imported module of a file, its line, and whether the import runs when the file is imported."""
    tree = ast.parse(path.read_text("utf-8"))
    lazy: set[ast.AST] = set()
    for node in ast.walk(tree):
        hidden = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        if hidden:
            lazy.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, node not in lazy
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            yield node.module, node.lineno, node not in lazy


def top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("package", ["rag", "ui", "evals"])
def test_rag_uses_nothing_else_of_ours_and_nobody_uses_ui(package: str) -> None:
    forbidden = {"rag": {"ui", "evals", "tests"}, "ui": {"tests"}, "evals": {"ui", "tests"}}[package]
    # The command line starts the app and the bench: the one place where rag reaches out, when it is asked to.
    allowed = {
        ("rag/commands.py", "ui"),
        ("rag/commands.py", "evals"),
        ("rag/cli.py", "evals"),
        ("rag/cli.py", "ui"),
    }
    # The Evaluate page uses the bench, but only once someone does: the app starts without it.
    late = {"ui": {"evals"}}.get(package, set())
    found = [
        f"{name(path)}:{line} imports {module}"
        for path in sorted((REPOSITORY / package).rglob("*.py"))
        for module, line, eager in imports(path)
        if (top(module) in forbidden and (eager or (name(path), top(module)) not in allowed))
        or (top(module) in late and eager)
    ]

    assert found == []


def test_each_heavy_package_has_one_door_and_is_imported_when_needed() -> None:
    found = []
    for path in RAG:
        training = name(path).startswith("rag/training/")
        for module, line, eager in imports(path):
            doors = DOORS.get(top(module))
            if doors is None or training:
                continue
            if not name(path).startswith(tuple(doors)):
                found.append(f"{name(path)}:{line} imports {module}, which only {sorted(doors)} may")
            elif eager and top(module) in SLOW and name(path) not in DOORS["llama_index"]:
                found.append(f"{name(path)}:{line} imports {module} before it is needed")

    assert found == []


def test_only_verify_makes_quotes() -> None:
    makers = {
        name(path)
        for folder in ("rag", "ui", "evals")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) == "Quote" or getattr(node.func, "attr", None) == "Quote")
    }

    assert makers == {"rag/answer/verify.py"}


def test_a_quote_is_cut_from_the_text_and_from_nothing_else() -> None:
    tree = ast.parse((REPOSITORY / "rag/answer/verify.py").read_text("utf-8"))
    calls = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Quote"
    ]

    assert calls == ["Quote(document.id, span, span.of(document.text), document.page_at(span.start))"]


def test_no_file_is_too_long_to_read() -> None:
    long = {name(path): len(path.read_text("utf-8").splitlines()) for path in RAG}

    assert {path: lines for path, lines in long.items() if lines > MAX_LINES} == {}


def test_only_the_command_line_prints() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in RAG
        if name(path) not in ("rag/cli.py", "rag/commands.py") and not name(path).startswith("rag/training/")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]

    assert found == []


def test_the_app_starts_without_the_bench() -> None:
    code = "import sys, ui.app; print(*sorted({each.partition('.')[0] for each in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())

    assert "ui" in loaded
    assert sorted(loaded & {"evals", "scipy", "statsmodels", "ir_measures", "sklearn", "torch"}) == []


@pytest.mark.parametrize("module", ["rag.cli", "rag.pipeline", "rag.answer.reader", "rag.index.library"])
def test_what_ask_imports_is_quick_to_import(module: str) -> None:
    if not (REPOSITORY / (module.replace(".", "/") + ".py")).is_file():
        pytest.skip(f"{module} is not written yet")
    code = f"import sys, {module}; print(*sorted({{each.partition('.')[0] for each in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())

    assert "rag" in loaded
    assert sorted(loaded.intersection(SLOW)) == []
