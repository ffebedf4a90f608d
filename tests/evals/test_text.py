import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.text import contains, find_all, normalise, same_person, words


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("The  Beatles!", None, "beatles"),
        ("a-b", None, "ab"),  # punctuation goes first, so the article "a" never stands alone
        ("A b.", None, "b"),
        ("U.S. $3.5", None, "us 35"),  # the published rule drops the decimal point
        ("“Quoted” – it’s", None, "“quoted” – it’s"),  # not ASCII, so they stay
        ("¿Qué el día?", None, "¿qué el día"),
        ("¿Qué «el» día? – 3,5", "es", "qué día 35"),
        ("Las 26 personas", "es-MX", "26 personas"),
        ("the", None, ""),
    ],
)
def test_normalisation_is_the_published_one(text, lang, expected):
    assert normalise(text, lang) == expected


@pytest.mark.parametrize(
    ("text", "phrase", "lang", "expected"),
    [
        ("26 people", "26", None, True),
        ("126 people", "26", None, False),
        ("26.5 tonnes", "26", None, False),
        ("26, then 29.", "26", None, True),
        ("3.5 million", "35", None, False),
        ("1,000 men", "1000", None, True),
        ("1.000 hombres", "1000", "es", True),
        ("1.000 hombres", "1000", "en", False),
        ("twenty-six", "twenty six", None, True),
        ("Germany", "man", None, False),
        ("a member of the Gulf Cartel", "the gulf cartel", None, True),
        ("5% of them", "5%", None, True),
        ("5 of them", "5%", None, False),
        ("the", "the", None, False),
        ("they contradicted us", "contradict", None, False),
    ],
)
def test_containment_is_by_whole_words(text, phrase, lang, expected):
    assert contains(text, phrase, lang) is expected


def test_a_stem_may_go_on_but_a_number_may_not():
    assert contains("The reports are contradictory.", "contradict", stem=True)
    assert not contains("Uncontradicted.", "contradict", stem=True)
    assert not contains("260 people", "26", stem=True)


@pytest.mark.parametrize(
    ("text", "quote", "places"),
    [
        ("one  two\u00a0three", "two three", [(5, 14)]),
        ("say “no” – now", 'say "no" - now', [(0, 14)]),
        ("it’s it's", "it's", [(0, 4), (5, 9)]),
        ("trans\u00adfer", "transfer", [(0, 9)]),
        ("Case", "case", []),
        ("a.c abc", "a.c", [(0, 3)]),
        ("text", " ", []),
        ("e\u0301", "\u00e9", []),  # the text is canonical (NFC); the quote is made so
        ("\u00e9t\u00e9", "e\u0301te\u0301", [(0, 3)]),
        ("tax, ta\u00adx", "tax", [(0, 3), (5, 9)]),  # both, not only the one without the soft hyphen
    ],
)
def test_gold_quotes_are_found_at_their_original_offsets(text, quote, places):
    assert [(span.start, span.end) for span in find_all(text, quote)] == places


@given(st.text(max_size=40), st.data())
def test_every_slice_of_a_text_is_found_where_it_stands(text, data):
    import unicodedata

    text = unicodedata.normalize("NFC", text)
    start = data.draw(st.integers(0, len(text)))
    piece = text[start : data.draw(st.integers(start, len(text)))]
    if words(piece) and piece == piece.strip() and unicodedata.normalize("NFC", piece) == piece:
        found = find_all(text, piece)
        # A place begins behind the marks that are passed over.
        start += re.match(r"[\s\u00ad\u200b\u200c\u200d\u2060\ufeff]*", piece).end()
        assert any(span.start <= start < span.end or span.start == start for span in found)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Omar García Harfuch", "Garcia Harfuch", True),
        ("Secretary Omar García Harfuch", "Harfuch", True),
        ("Claudia Sheinbaum Pardo", "President Sheinbaum", True),
        ("Claudia Sheinbaum", "Claudia", False),
        ("Pam Bondi", "Attorney General Pamela Bondi", True),
        ("P. Bondi", "Pam Bondi", True),
        ("John Bondi", "Pam Bondi", False),
        ("Omar García Harfuch, security secretary", "García Harfuch", True),
        ("the Attorney General", "Attorney General", True),
        ("the Attorney General", "Pam Bondi", False),
        ("U.S. Justice Department", "the Justice Department", True),
        ("", "Bondi", False),
    ],
)
def test_names(one, other, same):
    assert same_person(one, other) is same
    assert same_person(other, one) is same
