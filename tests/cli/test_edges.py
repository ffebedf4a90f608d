"""Awkward calls and input: each ends in a plain sentence and the right exit code, and harms nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from .conftest import Run

NOT_UTF8 = os.fsdecode(b"caf\xe9")


@pytest.fixture
def own(filled: Path, tmp_path: Path) -> Path:
    """A copy of the filled library, to be changed."""
    return Path(shutil.copytree(filled, tmp_path / "own"))


@pytest.fixture
def pack(onrecord: Run, filled: Path, tmp_path: Path) -> Path:
    target = tmp_path / "answer.zip"
    question = "How many containers were in the third shipment?"
    assert onrecord("ask", question, "--export", target, library=filled).code == 0
    return target


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", ""], "empty"),
        (["documents", "--library", ""], "empty"),
        (["ask", NOT_UTF8], "UTF-8"),
        (["ask", "x", "--source", NOT_UTF8], "UTF-8"),
        (["show", NOT_UTF8], "UTF-8"),
        (["remove", NOT_UTF8], "UTF-8"),
        (["ask", "x", "--from", "2026-13-01"], "--from"),
        (["ask", "x", "--to", ""], "--to"),
        (["ask", "x", "--from", "2026-02-01", "--to", "2026-01-31"], "after"),
        (["ask", "x" * 4001], "4001"),
        (["eval", "answers", "suite", "--out", ""], "empty"),
        (["serve", "--port", "99999"], "65535"),
        (["serve", "--port", "-1"], "65535"),
        (["serve", "--answerer", "nonsense"], "nonsense"),
        (["password", "ana maria"], "space"),
        (["password", "ana\nmaria"], "user name"),
    ],
    ids=ascii,
)
def test_an_unusable_argument_is_named(onrecord: Run, filled: Path, arguments: list[str], said: str) -> None:
    done = onrecord(*arguments, environment={"ONRECORD_LIBRARY": str(filled)})
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert said in done.err


@pytest.mark.parametrize("offsets", [("5", "3"), ("-5", "-1"), ("0", "99999999")], ids="-".join)
def test_offsets_outside_the_text_are_refused(onrecord: Run, filled: Path, offsets: tuple[str, str]) -> None:
    document = onrecord("documents", "--json", library=filled).json()["documents"][0]
    done = onrecord(
        "show", document["document_id"], f"--start={offsets[0]}", f"--end={offsets[1]}", library=filled
    )
    assert (done.code, done.out) == (2, "")
    assert str(document["characters"]) in done.err


@pytest.mark.parametrize(
    "question", ["?!… --- ,,", '"', "AND OR NOT ( * ) : ^ ~", "\u200b", "多少人？", "a\x1b[31m\nb"]
)
def test_any_question_is_one_json_document(onrecord: Run, filled: Path, question: str) -> None:
    done = onrecord("ask", question, "--json", library=filled)
    assert (done.code, done.err) == (0, "")
    assert done.json()["question"] == question


def test_an_unknown_outlet_is_pointed_out_beside_the_answer(onrecord: Run, filled: Path) -> None:
    done = onrecord("ask", "How many?", "--source", "Habour Wire", "--json", library=filled)
    assert done.code == 0
    assert done.json()["reason"] == "no_hits"
    assert "Habour Wire" in done.err
    assert "Harbour Wire" in done.err


def test_what_is_printed_survives_any_terminal(onrecord: Run, filled: Path) -> None:
    done = onrecord("documents", library=filled, environment={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert "El puerto de Vella cierra el almac\\xe9n" in done.out


def test_a_library_whose_name_is_not_utf8_is_refused_before_it_is_made(
    onrecord: Run, dossier: Path, tmp_path: Path
) -> None:
    done = onrecord("add", dossier, library=tmp_path / NOT_UTF8)
    assert done.code == 2
    assert "UTF-8" in done.err
    assert list(tmp_path.iterdir()) == []


def test_errors_never_go_to_standard_output(filled: Path) -> None:
    """Python would print them there where standard error is closed."""
    command = f"{sys.executable} -m rag show nothing --json --library {filled} 2>&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_closed_standard_output_is_no_error(filled: Path) -> None:
    for flag in ("", "--json"):
        command = f"{sys.executable} -m rag documents {flag} --library {filled} >&-"
        done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_output_that_cannot_be_written_is_said_in_one_line(filled: Path) -> None:
    command = f"{sys.executable} -m rag documents --json --library {filled} >/dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert b"No space left" in done.stderr
    assert b"internal error" not in done.stderr


def test_removing_a_document_twice_in_one_call_names_it_once(onrecord: Run, own: Path) -> None:
    gone = onrecord("documents", "--json", library=own).json()["documents"][0]["document_id"]
    assert onrecord("remove", gone, gone, "--json", library=own).json() == {"removed": [gone]}


def test_nothing_is_removed_where_one_name_is_wrong(onrecord: Run, own: Path) -> None:
    kept = onrecord("documents", "--json", library=own).json()["documents"][0]["document_id"]
    assert onrecord("remove", kept, "no-such-document", library=own).code == 2
    assert onrecord("show", kept, library=own).code == 0


def test_a_library_inside_an_added_folder_is_passed_over(onrecord: Run, own: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Nine ships lay in the port of Vella.\n", encoding="utf-8")
    report = onrecord("add", tmp_path, "--json", library=tmp_path / "second").json()
    assert [Path(entry["path"]).name for entry in report["added"]] == ["note.txt"]
    assert report["failed"] == []
    assert own.is_dir()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_library_that_cannot_be_written_is_searched_quietly_and_not_changed(
    onrecord: Run, own: Path
) -> None:
    for path in [own, *own.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    if os.access(own, os.W_OK):
        pytest.skip("this user may write everywhere")
    asked = onrecord("ask", "How many containers were in the third shipment?", "--json", library=own)
    assert (asked.code, asked.err) == (0, "")
    assert asked.json()["hits"]
    done = onrecord("add", Path(__file__), library=own)
    assert done.code == 2
    assert "cannot be written" in done.err
    for path in [own, *own.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


def _rewritten(pack: Path, target: Path, name: str, data: bytes) -> Path:
    """A copy of `pack` with `data` as the member `name`."""
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(target, "w") as copy:
        for info in source.infolist():
            copy.writestr(info, data if info.filename == name else source.read(info))
    return target


def test_a_pack_with_two_members_of_one_name_is_refused(onrecord: Run, pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as source:
        good = source.read("answer.html")
    evil = _rewritten(pack, tmp_path / "evil.zip", "answer.html", b"<p>41 containers</p>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with zipfile.ZipFile(evil, "a") as both:
            both.writestr("answer.html", good)
    done = onrecord("verify", evil)
    assert done.code == 2
    assert "two files of one name" in done.err


def test_offsets_from_the_end_are_no_offsets(onrecord: Run, pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as source:
        evidence = json.loads(source.read("evidence.json"))
        citation = evidence["answer"]["citations"][0]
        length = len(source.read(f"texts/{citation['document_id']}.txt").decode())
    for key in ("start", "end"):
        citation[key] -= length
    done = onrecord(
        "verify",
        _rewritten(pack, tmp_path / "x.zip", "evidence.json", json.dumps(evidence).encode()),
        "--json",
    )
    assert done.code == 1
    assert any("is not the quote" in line for line in done.json()["changed"])


@pytest.mark.parametrize(
    "evidence",
    [b"[" * 200_000, b"[]", b"null", b"{}", b"\xff", b'{"format": "onrecord-evidence-1"}'],
    ids=len,
)
def test_a_pack_with_strange_evidence_is_refused_in_one_line(
    onrecord: Run, pack: Path, tmp_path: Path, evidence: bytes
) -> None:
    done = onrecord("verify", _rewritten(pack, tmp_path / "x.zip", "evidence.json", evidence))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "internal" not in done.err


def test_a_pack_with_a_spoilt_member_is_refused_in_one_line(
    onrecord: Run, pack: Path, tmp_path: Path
) -> None:
    data = bytearray(pack.read_bytes())
    with zipfile.ZipFile(pack) as source:
        info = source.getinfo("answer.html")
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + 40] = b"\xff" * 40
    (tmp_path / "x.zip").write_bytes(data)
    done = onrecord("verify", tmp_path / "x.zip")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "internal" not in done.err


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "Another title"), ("source", "Other Wire"), ("published", "1999-01-01"), ("path", "/elsewhere.txt"),
     ("page", 7), ("speaker", "The Queen")],
)  # fmt: skip
def test_an_answer_whose_attribution_was_altered_is_not_exported(
    onrecord: Run, filled: Path, tmp_path: Path, field: str, value: str | int
) -> None:
    answer = onrecord(
        "ask", "How many containers were in the third shipment?", "--json", library=filled
    ).json()
    answer["citations"][0][field] = value
    done = onrecord("export", "-", tmp_path / "x.md", library=filled, stdin=json.dumps(answer))
    assert done.code == 2
    assert f"the {field} of quote [1]" in done.err
    assert not (tmp_path / "x.md").exists()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[1]", "{}", '{"citations": []}', '{"citations": [1]}', ""], ids=len
)
def test_what_is_not_an_answer_is_not_exported(
    onrecord: Run, filled: Path, tmp_path: Path, text: str
) -> None:
    done = onrecord("export", "-", tmp_path / "x.md", library=filled, stdin=text)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "internal" not in done.err


def test_a_pack_whose_quote_is_said_of_another_outlet_is_found_out(
    onrecord: Run, pack: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(pack) as source:
        evidence = json.loads(source.read("evidence.json"))
    evidence["answer"]["citations"][0]["source"] = "Other Wire"
    altered = _rewritten(pack, tmp_path / "x.zip", "evidence.json", json.dumps(evidence).encode())
    done = onrecord("verify", altered, "--json")
    assert done.code == 1
    assert any("source is not that of its document" in line for line in done.json()["changed"])
