"""Search by words: what meets, what does not, ties, filters, and questions that are no queries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LibraryDamaged
from rag.index import lexical
from rag.index.lexical import Entry, LexicalIndex, plain_words, quoted_phrases, stemmer_of


def _index(*texts: str, language: str | None = "en", head: str = "") -> LexicalIndex:
    """One passage a document; passage n is in document 100 + n."""
    return lexical.build(None, [Entry(100 + n, n, text, head, language) for n, text in enumerate(texts)])


def _found(index: LexicalIndex, text: str, documents: list[int] | None = None, limit: int = 10) -> list[int]:
    return [passage for passage, _ in index.search(text, limit, ["en"], documents)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The U.S. sent García’s 1,200 men", ["the", "us", "sent", "garcía", "1200", "men"]),
        ("1.200,50 and 1,200.50", ["1200.50", "and", "1200.50"]),
        (
            "3.5 or 3,5",
            ["3.5", "or", "3,5"],
        ),  # one mark before one or two digits: a decimal one, which is not known
        ("MS-13, B52, the 26th", ["ms", "13", "b52", "the", "26", "th"]),
        ("x" * 61 + " kept", ["kept"]),
        ("", []),
        ("?!… — “”", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("The prisoners were transferred", "prisoner transfer"),
        ("a fine of 1,200 dollars", "1200"),
        ("a fine of 1.200 dollars", "1,200"),
        ("officials of the U.S. government", "US"),
        ("Guzmán was extradited", "guzman"),
        ("GUZMAN was extradited", "Guzmán’s"),
        ("the ﬁnal report", "final"),  # a ligature
    ],
)
def test_spellings_that_meet(stored: str, asked: str) -> None:
    assert _found(_index("nothing of the kind", stored), asked) == [1]


def test_each_language_is_stemmed_by_its_own_rules() -> None:
    index = lexical.build(
        None,
        [
            Entry(1, 1, "los presos fueron trasladados", "", "es"),
            Entry(2, 2, "the prisons were moved", "", "en"),
        ],
    )
    assert [n for n, _ in index.search("trasladado preso", 5, ["es", "en"])] == [1]
    assert [n for n, _ in index.search("prison move", 5, ["es", "en"])] == [2]


def test_a_language_that_is_not_known_is_stemmed_as_english() -> None:
    assert stemmer_of(None) == stemmer_of("xx") == stemmer_of("en-GB") == "english"


def test_words_that_carry_nothing_count_only_where_there_is_nothing_else() -> None:
    index = _index("the who is a band", "flight data")
    assert _found(index, "what is the flight") == [1]
    assert _found(index, "who is the") == [0]


def test_the_spelling_itself_decides_between_words_of_one_stem() -> None:
    index = _index("the universal rule applies here", "the university rule applies here")
    assert _found(index, "university")[0] == 1


def test_a_heading_counts_less_than_the_text() -> None:
    index = lexical.build(
        None,
        [
            Entry(1, 1, "many words about something else here", "the harbour", "en"),
            Entry(2, 2, "many words about the harbour itself here", "", "en"),
            Entry(3, 3, "many words about something else here", "", "en"),
        ],
    )
    assert _found(index, "harbour") == [2, 1]


def test_a_quoted_phrase_ranks_first_what_has_the_words_together() -> None:
    scattered = "flight the third was delayed and third of all flight crews third flight-less flight third"
    index = _index(
        scattered, "it was the third flight of prisoners in a year that saw many of them come and go"
    )
    assert _found(index, 'who was on "the third flight"')[0] == 1


@pytest.mark.parametrize("text", ['"third flight"', "“third flight”", "«third flight»", "„third flight“"])
def test_all_double_quotation_marks_make_a_phrase(text: str) -> None:
    assert quoted_phrases(text) == [["third", "flight"]]


def test_one_quoted_word_is_just_a_word() -> None:
    assert quoted_phrases('"flight" "" and " "') == []


def test_a_filter_is_exact_however_many_others_match_better() -> None:
    index = _index(*["harbour harbour harbour"] * 300, "harbour and " + "other words " * 30)
    assert _found(index, "harbour", [400], limit=1) == [300]
    assert _found(index, "harbour", []) == []


def test_a_score_means_the_same_under_every_filter() -> None:
    index = _index("harbour works", "harbour", "orchard")
    everywhere = dict(index.search("harbour", 10, ["en"]))
    assert dict(index.search("harbour", 10, ["en"], [101])) == {1: everywhere[1]}


def test_all_that_tie_with_the_last_are_given() -> None:
    index = _index(*["harbour"] * 500)
    assert sorted(_found(index, "harbour", limit=3)) == list(range(500))


def test_what_is_deleted_is_not_found_and_what_is_not_committed_neither(tmp_path: Path) -> None:
    index = lexical.build(
        tmp_path / "index", [Entry(1, 1, "harbour", "", "en"), Entry(2, 2, "harbour", "", "en")]
    )
    index.delete([1])
    assert sorted(_found(index, "harbour")) == [1, 2]
    index.commit()
    assert _found(index, "harbour") == [2]
    assert index.entries() == {2: 2}
    index.add([Entry(3, 3, "harbour", "", "en")])
    index.close()
    assert LexicalIndex(tmp_path / "index").entries() == {2: 2}


def test_a_reader_sees_a_commit_after_refresh(tmp_path: Path) -> None:
    writer = lexical.build(tmp_path / "index", [Entry(1, 1, "harbour", "", "en")])
    reader = LexicalIndex(tmp_path / "index")
    writer.add([Entry(2, 2, "harbour", "", "en")])
    writer.commit()
    assert _found(reader, "harbour") == [1]
    reader.refresh()
    assert sorted(_found(reader, "harbour")) == [1, 2]
    writer.close()


@pytest.mark.parametrize("ending", ["idx", "term", "pos", "fast", "fieldnorm", "store"])
def test_a_truncated_file_is_refused(tmp_path: Path, ending: str) -> None:
    lexical.build(tmp_path / "index", [Entry(n, n, f"harbour {n}", "", "en") for n in range(50)]).close()
    for path in (tmp_path / "index").glob(f"*.{ending}"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(LibraryDamaged, match="word index"):
        LexicalIndex(tmp_path / "index")


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryDamaged):
        LexicalIndex(tmp_path / "nothing")


@pytest.fixture(scope="module")
def some_index() -> LexicalIndex:
    return _index("the harbour was opened", "the council was closed", "1,200 people came")


@given(text=st.text(max_size=60))
def test_no_question_is_an_error(some_index: LexicalIndex, text: str) -> None:
    found = some_index.search(text, 5, ["en", "es", None])
    assert all(score > 0 for _, score in found)


@pytest.mark.parametrize(
    "text", ['"', "AND OR NOT", "+harbour -council", "text:harbour", "(harbour", "har*", "~2 ^3"]
)
def test_operators_are_only_punctuation(some_index: LexicalIndex, text: str) -> None:
    expected = [0] if "harbour" in text else []
    assert [n for n in _found(some_index, text) if n == 0] == expected


@given(texts=st.lists(st.text("abc é", max_size=12), max_size=8))
def test_vocabulary_counts_the_passages_of_each_word(texts: list[str]) -> None:
    index = _index(*texts, language=None)
    expected: dict[str, int] = {}
    for text in texts:
        for word in set(plain_words(text.replace("é", "e"))):
            expected[word] = expected.get(word, 0) + 1
    assert index.vocabulary()["exact"] == expected
