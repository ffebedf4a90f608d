"""The command line: exit codes, JSON alone on standard output, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import REPORT, Run

ADDED = {
    "document_id", "path", "title", "source", "author", "published", "language", "media_type", "pages",
    "characters", "passages",
}  # fmt: skip
ASKED = {
    "question", "status", "reason", "answer", "short_answers", "short_answer_dates", "statements", "citations",
    "disagreement", "withheld",
    "hits", "confidence", "answerer", "timings_ms", "note", "searched", "usage",
}  # fmt: skip
CITATION = {
    "marker", "document_id", "path", "title", "source", "published", "page", "start", "end", "quote", "speaker",
}  # fmt: skip


def test_add_reports_what_it_added(onrecord: Run, dossier: Path, tmp_path: Path) -> None:
    done = onrecord("add", dossier, "--json", library=tmp_path / "library")
    report = done.json()
    assert done.code == 0
    assert set(report) >= {"added", "updated", "unchanged", "copies", "failed", "passages", "seconds"}
    assert [set(entry) >= ADDED for entry in report["added"]] == [True, True]
    by_name = {Path(entry["path"]).name: entry for entry in report["added"]}
    assert by_name["third-shipment.txt"]["published"] == "2026-01-20"
    assert by_name["almacen.txt"]["language"] == "es"
    again = onrecord("add", dossier, "--json", library=tmp_path / "library").json()
    assert len(again["unchanged"]) == 2
    assert again["added"] == again["updated"] == again["failed"] == again["copies"] == []


def test_changed_bytes_replace_and_a_second_path_is_a_copy(onrecord: Run, tmp_path: Path) -> None:
    library, file = tmp_path / "library", tmp_path / "in" / "report.txt"
    file.parent.mkdir()
    file.write_text(REPORT, encoding="utf-8")
    onrecord("add", file, library=library)
    (file.parent / "same.txt").write_text(REPORT, encoding="utf-8")
    copies = onrecord("add", file.parent, "--json", library=library).json()["copies"]
    assert [Path(copy["path"]).name for copy in copies] == ["same.txt"]
    file.write_text(REPORT.replace("37", "41"), encoding="utf-8")
    report = onrecord("add", file, "--json", library=library).json()
    assert len(report["updated"]) == 1
    documents = onrecord("documents", "--json", library=library).json()["documents"]
    assert sorted(len(document["copies"]) for document in documents) == [1, 1]


def test_a_failed_file_is_named_and_the_others_are_added(onrecord: Run, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(REPORT, encoding="utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nbroken")
    done = onrecord(
        "add", tmp_path / "good.txt", tmp_path / "bad.pdf", "--json", library=tmp_path / "library"
    )
    report = done.json()
    assert done.code == 1
    assert [Path(entry["path"]).name for entry in report["failed"]] == ["bad.pdf"]
    assert all(report["failed"][0][key] for key in ("error", "next_step"))
    assert len(report["added"]) == 1


def test_every_citation_is_the_slice(onrecord: Run, filled: Path) -> None:
    done = onrecord("ask", "How many containers were in the third shipment?", "--json", library=filled)
    answer = done.json()
    assert done.code == 0
    assert set(answer) == ASKED
    assert answer["status"] == "answered"
    for citation in answer["citations"]:
        assert set(citation) == CITATION
        text = onrecord("show", citation["document_id"], "--json", library=filled).json()["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert any("37" in citation["quote"] for citation in answer["citations"])


def test_the_answer_for_a_person_names_the_outlet_and_the_place(onrecord: Run, filled: Path) -> None:
    out = onrecord("ask", "Who called the shipment a sovereign decision?", library=filled).out
    assert "Tomas Birk" in out
    assert "2026-01-20" in out
    assert "characters" in out
    assert "\x1b" not in out


def test_an_outsider_is_declined(onrecord: Run, filled: Path) -> None:
    done = onrecord("ask", "Who won the World Cup final in 1966?", "--json", library=filled)
    answer = done.json()
    assert done.code == 0
    assert (answer["status"], answer["citations"]) == ("no_answer", [])
    assert answer["reason"] in {"no_hits", "declined"}
    assert answer["answer"]


def test_filters_keep_everything_else_out(onrecord: Run, filled: Path) -> None:
    answer = onrecord(
        "ask", "What did Lena Orsolo say?", "--from", "2026-02-01", "--json", library=filled
    ).json()
    assert answer["hits"]
    assert {hit["document_id"].rsplit("-", 1)[0] for hit in answer["hits"]} == {"almacen"}


def test_documents_show_and_remove(onrecord: Run, dossier: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    onrecord("add", dossier, library=library)
    listed = onrecord("documents", "--json", library=library).json()["documents"]
    assert all(set(entry) >= ADDED | {"copies", "added_at"} for entry in listed)
    gone = next(entry["document_id"] for entry in listed if entry["document_id"].startswith("third"))
    assert onrecord("remove", gone, library=library).code == 0
    assert onrecord("show", gone, library=library).code == 2
    answer = onrecord(
        "ask", "How many containers were in the third shipment?", "--json", library=library
    ).json()
    assert gone not in {hit["document_id"] for hit in answer["hits"]}
    assert onrecord("check", library=library).code == 0


def test_show_prints_the_slice(onrecord: Run, filled: Path) -> None:
    listed = onrecord("documents", "--json", library=filled).json()["documents"]
    document = next(entry["document_id"] for entry in listed if entry["document_id"].startswith("third"))
    assert onrecord("show", document, "--start", "0", "--end", "12", library=filled).out == "Third flight\n"


def test_check_says_that_nothing_is_wrong(onrecord: Run, filled: Path) -> None:
    done = onrecord("check", "--json", library=filled)
    assert done.code == 0
    assert done.json()["problems"] == []
    assert done.json()["documents"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["ask"],
        ["add", "/no/such/file"],
        ["ask", "x", "--from", "yesterday"],
        ["ask", "x", "--threshold", "7"],
        ["ask", "x", "--answerer", "nonsense"],
        ["ask", "x", "--export", "answer.docx"],
        ["ask", ""],
        ["show", "no-such-document"],
        ["remove", "no-such-document"],
        ["show", "no-such-document", "--start", "x"],
        ["verify", "/no/such/pack.zip"],
        ["serve", "--host", "0.0.0.0"],
        ["serve", "--auth-file", "/no/such/file"],
        ["export", "/no/such/answer.json", "x.md"],
    ],
    ids=" ".join,
)
def test_an_unusable_call_is_one_line_and_exit_2(onrecord: Run, filled: Path, arguments: list[str]) -> None:
    done = onrecord(*arguments, environment={"ONRECORD_LIBRARY": str(filled)})
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("onrecord: ")
    assert len(done.err.splitlines()) == 1
    assert "Traceback" not in done.err


def test_asking_without_a_library_says_to_add(onrecord: Run, tmp_path: Path) -> None:
    done = onrecord("ask", "anything", "--json", library=tmp_path / "none")
    assert (done.code, done.out) == (2, "")
    assert "add" in done.err
    assert not (tmp_path / "none").exists()


def test_a_wrong_setting_is_named(onrecord: Run, filled: Path) -> None:
    done = onrecord("documents", library=filled, environment={"ONRECORD_SEARCH_TOPK": "3"})
    assert done.code == 2
    assert "ONRECORD_SEARCH_TOPK" in done.err


def test_debug_shows_where_an_error_comes_from(onrecord: Run, filled: Path) -> None:
    assert "Traceback" in onrecord("show", "none", "--debug", library=filled).err


@pytest.mark.parametrize(
    "command",
    ["", "add", "ask", "documents", "show", "remove", "check", "serve", "password", "export", "verify"],
)
def test_help_has_an_example(onrecord: Run, command: str) -> None:
    done = onrecord(*filter(None, [command]), "--help")
    assert done.code == 0
    assert "example:" in done.out


def test_password_makes_a_line_for_the_auth_file(onrecord: Run, tmp_path: Path) -> None:
    from rag.passwords import matches, read_auth_file

    file = tmp_path / "users"
    file.write_text(onrecord("password", "ana", stdin="correct horse\n").out, encoding="utf-8")
    assert matches("correct horse", read_auth_file(file)["ana"])
    assert onrecord("password", "a:b", stdin="x\n").code == 2
    assert onrecord("password", "ana", stdin="\n").code == 2


def test_a_pack_verifies_and_names_what_was_changed(onrecord: Run, filled: Path, tmp_path: Path) -> None:
    pack = tmp_path / "answer.zip"
    done = onrecord(
        "ask", "How many containers were in the third shipment?", "--export", pack, library=filled
    )
    seal = done.err.rsplit(" ", 1)[-1].strip()
    verified = onrecord("verify", pack, "--seal", seal, "--json")
    assert (verified.code, verified.json()["changed"]) == (0, [])
    assert verified.json()["quotes"] >= 1
    for name in ("answer.html", "answer.md", "texts/third", "originals/third", "evidence.json"):
        changed = _with_change(pack, tmp_path / "changed.zip", name, b"37", b"41")
        verified = onrecord("verify", changed, "--seal", seal)
        assert verified.code == 1, name
        assert name.rstrip("/") in verified.out


def _with_change(pack: Path, target: Path, name: str, old: bytes, new: bytes) -> Path:
    """A copy of `pack` in which the member that starts with `name` has `new` for `old`."""
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(target, "w") as copy:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.startswith(name):
                assert old in data
                data = data.replace(old, new)
            copy.writestr(info, data)
    return target


def test_an_altered_answer_is_not_exported(onrecord: Run, filled: Path, tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    answer = onrecord(
        "ask", "How many containers were in the third shipment?", "--json", library=filled
    ).json()
    saved.write_text(json.dumps(answer), encoding="utf-8")
    assert onrecord("export", saved, tmp_path / "answer.md", library=filled).code == 0
    markdown = (tmp_path / "answer.md").read_text(encoding="utf-8")
    assert "[^1]:" in markdown
    quote = answer["citations"][0]["quote"]
    answer["citations"][0]["quote"] = quote.replace(quote.split()[0], "Never")
    saved.write_text(json.dumps(answer), encoding="utf-8")
    done = onrecord("export", saved, tmp_path / "other.md", library=filled)
    assert done.code == 2
    assert "not what the document says" in done.err
    assert not (tmp_path / "other.md").exists()


def test_output_into_a_closed_pipe_is_quiet(filled: Path) -> None:
    command = f"{sys.executable} -m rag documents --library {filled} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stderr == b""
