"""Who said it. All people and sentences are invented; `[[…]]` marks the place that is asked about."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.attribution import Attribution, attribution_of, same_person, speaker_of
from rag.documents.building import canonical
from rag.types import Document, Span


def document(text: str) -> Document:
    return Document("d", canonical(text), "0" * 64, "text/plain", "d.txt")


def asked(marked: str) -> tuple[Document, Span]:
    start = marked.index("[[")
    end = marked.index("]]") - 2
    return document(marked.replace("[[", "").replace("]]", "")), Span(start, end)


# What is asked about, and who says it; None where the text does not say it clearly.
CASES: list[tuple[str, str, str | None]] = [
    # Direct speech, tag behind.
    ("said X", "“[[The dam will hold]],” said Marta Quill, an engineer.", "Marta Quill"),
    ("X said", "“[[The dam will hold]],” Marta Quill said on Monday.", "Marta Quill"),
    ("the whole sentence", "[[“The dam will hold,” said Marta Quill, an engineer.]]", "Marta Quill"),
    ("straight marks", '"[[The dam will hold]]," said Marta Quill.', "Marta Quill"),
    ("single marks", "‘[[The dam won’t break]],’ said Marta Quill.", "Marta Quill"),
    ("question", "“[[Will the dam hold]]?” Marta Quill asked.", "Marta Quill"),
    ("title", "“[[The dam will hold]],” said Senate Majority Leader Marta Quill.", "Marta Quill"),
    ("owner and title", "“[[The dam will hold]],” said Norland’s Prime Minister Marta Quill.", "Marta Quill"),
    ("role before the name", "“[[It will hold]],” said the energy minister Marta Quill.", "Marta Quill"),
    ("role, then the name", "“[[It will hold]],” said the energy minister, Marta Quill.", "Marta Quill"),
    (
        "tag with a place",
        "“[[It will hold]],” said Marta Quill at the Dam Institute, a think tank.",
        "Marta Quill",
    ),
    ("particles", "“[[It will hold]],” said Marta de la Quill.", "Marta de la Quill"),
    ("apostrophe and hyphen", "“[[It will hold]],” said Mary O’Dell-Quill.", "Mary O’Dell-Quill"),
    ("nickname", "“[[It will hold]],” said Marta “Rocky” Quill.", "Marta “Rocky” Quill"),
    ("organisation", "“[[It will hold]],” the Ministry of Dams said in a statement.", "Ministry of Dams"),
    ("acronym", "“[[It will hold]],” NDA said in a statement.", "NDA"),
    ("group", "“[[It will hold]],” two officials said.", "two officials"),
    ("spokesman for", "“[[It will hold]],” said a spokesman for Marta Quill.", "a spokesman for Marta Quill"),
    (
        "spokesman for, before",
        "A spokesman for Marta Quill said the [[dam would hold]].",
        "A spokesman for Marta Quill",
    ),
    ("somebody's lawyer", "“[[It will hold]],” Quill’s lawyer said.", "Quill’s lawyer"),
    # Direct speech, tag in front or in the middle.
    ("colon", "Marta Quill said: “[[The dam will hold]].”", "Marta Quill"),
    ("comma", "Marta Quill told reporters, “[[The dam will hold]].”", "Marta Quill"),
    ("colon, next paragraph", "Marta Quill said:\n\n“[[The dam will hold]].”", "Marta Quill"),
    ("middle, second half", "“The dam,” Marta Quill said, “[[will hold]].”", "Marta Quill"),
    ("middle, first half", "“[[The dam]],” Marta Quill said, “will hold.”", "Marta Quill"),
    ("goes on", "“It will hold,” said Marta Quill. “[[I built it]].”", "Marta Quill"),
    ("goes on, after a place on X", "“It will hold,” Quill said in a post on X. “[[I built it]].”", "Quill"),
    (
        "over paragraphs",
        "“It will hold,” said Marta Quill. “I built it.\n\n“[[And I will mend it]].”\n\nRain fell.",
        "Marta Quill",
    ),
    (
        "over paragraphs, tag last",
        "“[[It will hold]].\n\n“And I will mend it,” said Marta Quill.",
        "Marta Quill",
    ),
    ("partial", "Marta Quill wrote on X that the dam was “[[made of paper]]” and old.", "Marta Quill"),
    ("as", "Marta Quill, the energy minister, described the dam as “[[made of paper]]”.", "Marta Quill"),
    (
        "participle",
        "Marta Quill slammed the builders, saying they sold “[[paper]]” to the town.",
        "Marta Quill",
    ),
    ("two verbs", "Quill said the dam was old and asked if it was “[[made of paper]]”.", "Quill"),
    # Reported speech.
    ("said that", "Marta Quill said that [[the dam would hold]].", "Marta Quill"),
    ("said", "Marta Quill said [[the dam would hold]].", "Marta Quill"),
    ("behind", "[[The dam would hold until spring]], Marta Quill said.", "Marta Quill"),
    ("behind, inverted", "[[The dam would hold until spring]], said Marta Quill.", "Marta Quill"),
    ("according to, behind", "[[The dam would hold until spring]], according to Marta Quill.", "Marta Quill"),
    (
        "according to, in front",
        "According to Marta Quill, an engineer, [[the dam would hold]].",
        "Marta Quill",
    ),
    ("told Y that", "Marta Quill told Bo Lind that [[the dam would hold]].", "Marta Quill"),
    ("denied that", "Marta Quill denied that [[the dam was leaking]].", "Marta Quill"),
    ("adverbs", "Marta Quill has also repeatedly insisted that [[the dam would hold]].", "Marta Quill"),
    ("lead", "On Monday, Marta Quill said [[the dam would hold]].", "Marta Quill"),
    ("but", "But Marta Quill said [[the dam would hold]].", "Marta Quill"),
    (
        "first of two",
        "Marta Quill said [[the dam would hold]], but Bo Lind said it would burst.",
        "Marta Quill",
    ),
    ("second of two", "Marta Quill said the dam would hold, but Bo Lind said [[it would burst]].", "Bo Lind"),
    ("analysts", "Analysts warn that [[the dam may burst]].", "Analysts"),
    ("wrapped lines", "The energy minister, Marta\nQuill, said that [[the dam\nwould hold]].", "Marta Quill"),
    # Names and pronouns resolved.
    ("surname", "Marta Quill came late. “[[It will hold]],” Quill said.", "Marta Quill"),
    ("first of two surnames", "Ana Soto Vega came late. “[[Aguanta]],” said Soto.", "Ana Soto Vega"),
    ("she, alone", "Marta Quill came late. “[[It will hold]],” she said.", "Marta Quill"),
    ("he, paragraph before", "The dam leaks, said Bo Lind.\n\n“[[It is old]],” he added.", "Bo Lind"),
    (
        "she, not whom she names",
        "Quill came. [[Since Bo Lind took office]], she said, the dam leaked.",
        "Quill",
    ),
    ("after a time", "And last month Marta Quill told a court in Norland that [[it leaked]].", "Marta Quill"),
    # Spanish.
    ("dijo", "“[[La presa aguanta]]”, dijo la ministra Ana Soto.", "Ana Soto"),
    ("angle marks", "«[[La presa aguanta]]», afirmó Ana Soto.", "Ana Soto"),
    ("que", "Ana Soto aseguró que [[la presa aguanta]].", "Ana Soto"),
    ("negó", "La ministra Ana Soto negó que [[la presa tuviera grietas]].", "Ana Soto"),
    ("según", "Según Ana Soto, [[la presa aguanta]].", "Ana Soto"),
    ("según, behind", "[[La presa aguanta hasta marzo]], según Ana Soto.", "Ana Soto"),
    ("señaló, dos puntos", "Ana Soto señaló: “[[La presa aguanta]]”.", "Ana Soto"),
    ("portavoz", "“[[La presa aguanta]]”, explicó un portavoz del ministerio.", "un portavoz del ministerio"),
    # Nobody, or not clear.
    ("narrator", "[[The dam was built in 1931]]. Marta Quill said it would hold.", None),
    (
        "narrator with quoted words",
        "[[Rain fell all week. “It will hold,” said Marta Quill.]]",
        "Marta Quill",
    ),
    ("narrator behind them", "[[“It will hold,” said Marta Quill. Rain fell all week.]]", "Marta Quill"),
    ("quoted words of nobody", "[[A banner read “Shame on you”. “It will hold,” said Marta Quill.]]", None),
    ("quoted words of they", "[[“It will hold,” they said. “No,” said Marta Quill.]]", None),
    ("narrator with reported words", "[[Rain fell all week. Marta Quill said it would hold.]]", None),
    ("narrator and two", "[[Rain fell. “It holds,” said Marta Quill. “No,” said Bo Lind.]]", None),
    (
        "two verbs of one who is named before a letter",
        "Marta Quill wrote on X. She called it “safe” and asked whether [[the dam was “gold-plated”]].",
        "Marta Quill",
    ),
    ("a row of a table", "What NDA says: [[the dam holds]]; What Quill says: it bursts", "NDA"),
    ("its next cell", "What NDA says: the dam holds; What Quill says: [[it bursts]]", "Quill"),
    ("the whole row", "[[Point: dam; What NDA says: the dam holds; What Quill says: it bursts]]", None),
    ("narrator, next to speech", "“It will hold,” said Marta Quill. [[Rain fell all week]].", None),
    ("scare quotes", "The so-called “[[paper dam]]” was built in 1931.", None),
    ("the tag itself", "“It will hold,” said [[Marta Quill, an engineer]].", None),
    (
        "a place and a modifier are nobody",
        "In Norland the New Haven senator Bo Lind spoke. “[[It will hold]],” he said.",
        "Bo Lind",
    ),
    (
        "her predecessor is not she",
        "Marta Quill came late. [[Since her predecessor Bo Lind left, she said, the dam leaked.]]",
        "Marta Quill",
    ),
    ("inside a country", "It rained inside Norland. He answered that [[the dam leaked]].", None),
    ("a number is nobody", "Six months passed. He answered that [[the dam leaked]].", None),
    ("two people and she", "Marta Quill met Ana Soto. “[[It will hold]],” she said.", None),
    ("a minister without a name", "The minister met Marta Quill. “[[It will hold]],” she said.", None),
    ("they", "“[[It will hold]],” they said.", None),
    ("it", "The NDA said the dam was safe. [[Nobody would be moved]], it said.", "NDA"),
    ("it, of a role", "The agency warned of rain. [[The dam would hold]], it added.", "The agency"),
    ("it goes on", "The NDA said no. It was safe, it added. [[Nobody would be moved]], it said.", "NDA"),
    (
        "it, after a role and a name",
        "NDA denied it. The company said no. [[It is cheap]], it said.",
        "The company",
    ),
    ("it, a sentence later", "The NDA said no. A letter reached the mayor. It said [[the dam leaks]].", None),
    ("it, of another", "The NDA denied it. Greenpeace published a report. It said [[it leaks]].", None),
    ("it, a storm", "The NDA said no. It claimed [[twelve lives]].", None),
    ("it, of two", "The NDA denied it and the EPA confirmed it. [[The dam holds]], it said.", None),
    ("it, after a person", "Marta Quill said no. [[The dam would hold]], it said.", None),
    ("it, in another paragraph", "The NDA said no.\n\n[[The dam would hold]], it said.", None),
    ("did not say", "Marta Quill did not say that [[the dam would hold]].", None),
    ("never said", "Marta Quill never said [[the dam would hold]].", None),
    ("refused to say", "Marta Quill refused to say [[the dam would hold]].", None),
    ("if", "If Marta Quill said [[the dam would hold]], nobody heard it.", None),
    ("is said to", "Marta Quill is said to [[fear the dam]].", None),
    ("both", "“[[It will hold]],” said Marta Quill and Bo Lind.", None),
    ("both, in front", "Marta Quill and Bo Lind said [[the dam would hold]].", None),
    ("across two speakers", "[[“It will hold,” said Marta Quill. “It will burst,” said Bo Lind.]]", None),
    ("speech inside speech", "Marta Quill said Bo Lind had claimed that [[the dam would burst]].", None),
    ("the man who met X", "The stranger who met Marta Quill said [[the dam would hold]].", None),
    ("a relative clause", "The Example Post disclosed an order that [[Marta Quill had signed]].", None),
    ("named only in what she says", "[[Since Bo Lind took office]], she said, the dam leaked.", None),
    ("no tag", "“[[It will hold]].” Rain fell.", None),
    ("a denial of a thing", "Marta Quill denied the report. [[Rain fell]].", None),
    ("a quotation after a full stop", "“[[It will hold]].” Bo Lind said the dam was old.", None),
]


@pytest.mark.parametrize(("marked", "speaker"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_says_it(marked: str, speaker: str | None) -> None:
    assert speaker_of(*asked(marked)) == speaker


# A second list, written after the rules for the first one. Before anything was changed for it: 43 of 50 right, 3 more
# None than there should be, 4 wrong (a title left in the name, "Nobody", "not true that", "a report").
MORE: list[tuple[str, str | None]] = [
    (
        "The vaccine is safe, Health Secretary Priya Nand told parliament on Thursday. "
        "“[[We have tested it on nine thousand people]],” she said.",
        "Priya Nand",
    ),
    (
        "“[[I have never seen anything like it]],” recalled Tomas Brandt, 54, who runs the bakery.",
        "Tomas Brandt",
    ),
    ("In an interview with the Lindholm Gazette, Brandt said he [[had no plans to resign]].", "Brandt"),
    ("“[[This is a disgrace]]!” shouted one protester.", None),
    (
        "The company’s chief executive, Lena Ortiz, said in a statement that [[profits would fall by 12 percent]].",
        "Lena Ortiz",
    ),
    ("Police said [[three men were arrested]] near the river.", "Police"),
    ("Police said three men were arrested near the river. [[The road was closed for two hours]].", None),
    ("Asked about the delay, Ortiz said: “[[We needed more time]].”", "Ortiz"),
    ("Ortiz, who joined the firm in 2019, said [[the delay was regrettable]].", "Ortiz"),
    ("“[[It’s over]],” he said.", None),
    ("Judge Nora Bell ruled on Friday that [[the seizure was unlawful]].", "Nora Bell"),
    ("The union’s leader, Sam Okoro, called the offer “[[an insult]]” and walked out.", "Sam Okoro"),
    ("Okoro’s deputy, Jill Marsh, was more cautious. “[[We will read it first]],” she said.", None),
    ("Mayor Jill Marsh announced that [[the pool will reopen in June]].", "Jill Marsh"),
    ("“[[The pool will reopen in June]],” the mayor told reporters outside city hall.", "the mayor"),
    ("According to the prosecutor, [[the money was paid in cash]].", "the prosecutor"),
    ("“We lost everything,” said Ivo Hart. “[[Everything]].”", "Ivo Hart"),
    ("“[[We lost everything]],” said Ivo Hart, whose house burned down. “Everything.”", "Ivo Hart"),
    ("Hart said [[the fire started at 3 a.m.]] and spread quickly.", "Hart"),
    ("The minister denied [[taking bribes]].", None),
    ("Minister Eva Lund has denied that [[she took bribes]].", "Eva Lund"),
    ("“[[She took bribes]],” Lund’s former aide told the court.", "Lund’s former aide"),
    ("President Karl Voss accused the paper of lying. “[[They invent everything]],” Voss said.", "Karl Voss"),
    ("In a letter seen by this paper, Voss wrote: “[[I take full responsibility]].”", "Voss"),
    ("Voss promised to [[resign by May]].", None),
    ("But critics say [[the law goes too far]].", "critics"),
    (
        "“[[The law goes too far]],” argues Mina Patel, a professor of law at Norland University.",
        "Mina Patel",
    ),
    ("Patel argues that [[the law goes too far]]; Voss disagrees.", "Patel"),
    ("El alcalde, Luis Mora, dijo que [[la obra terminará en junio]].", "Luis Mora"),
    ("“[[La obra terminará en junio]]”, dijo el alcalde.", "el alcalde"),
    ("De acuerdo con Mora, [[la obra terminará en junio]].", "Mora"),
    ("“[[No habrá más retrasos]]”, agregó Mora, quien visitó el sitio el lunes.", "Mora"),
    ("La presidenta Rosa Vidal rechazó que [[haya censura]].", "Rosa Vidal"),
    ("La empresa informó que [[despedirá a 40 personas]].", "La empresa"),
    ("Vidal y Mora dijeron que [[no habrá censura]].", None),
    ("The White House said [[the call lasted an hour]].", "White House"),
    ("US officials said on Sunday [[the call lasted an hour]].", "US officials"),
    ("As Bell told the court, [[the seizure was unlawful]].", "Bell"),
    (
        "“[[There is no crisis]],” Voss said in a televised speech on Tuesday night, adding that shops were open.",
        "Voss",
    ),
    ("“There is no crisis,” Voss said in a televised speech, adding that [[shops were open]].", "Voss"),
    ("Voss said there was no crisis. He added that [[shops were open]].", "Voss"),
    ("Voss met Bell at noon. He said [[there was no crisis]].", None),
    ("Voss tweeted “[[total nonsense]]” in reply.", "Voss"),
    ("The film, which Voss called “[[total nonsense]]”, opens today.", "Voss"),
    ("Nobody said [[the shops were closed]].", None),
    ("It is not true that Voss said [[shops were closed]].", None),
    ("“[[Shops are open]]” was the headline.", None),
    ("Dr. Amy Chen, a virologist at St. Mary’s Hospital, said [[the outbreak is slowing]].", "Amy Chen"),
    ("“[[The outbreak is slowing]],” said Dr. Amy Chen of St. Mary’s Hospital.", "Amy Chen"),
    ("The bridge needs repair, [[says Lind]].", None),
    ("[[The bridge needs repair]], according to a report by the council.", "a report by the council"),
]


@pytest.mark.parametrize(("marked", "speaker"), MORE)
def test_who_says_it_in_more_texts(marked: str, speaker: str | None) -> None:
    assert speaker_of(*asked(marked)) == speaker


def test_an_attribution_names_its_verb_its_kind_and_its_own_place() -> None:
    source, span = asked("Rain fell. “[[The dam will hold]],” said Marta Quill, an engineer.")
    at = source.text.index("said")
    assert attribution_of(source, span) == Attribution(
        "Marta Quill", "said", "said", Span(at, at + 16), "direct"
    )

    source, span = asked("Marta Quill denied that [[the dam was leaking]].")
    assert attribution_of(source, span) == Attribution(
        "Marta Quill", "denied", "denied", Span(0, 18), "indirect"
    )


@pytest.mark.parametrize(
    ("marked", "verb_class"),
    [
        ("Marta Quill alleged that [[the dam leaked]].", "claimed"),
        ("Marta Quill admitted that [[the dam leaked]].", "admitted"),
        ("Marta Quill warned that [[the dam leaked]].", "warned"),
        ("Marta Quill promised that [[the dam would hold]].", "promised"),
        ("According to Marta Quill, [[the dam leaked]].", "said"),
        ("Marta Quill asked if [[the dam leaked]].", "asked"),
        ("Ana Soto negó que [[la presa tuviera grietas]].", "denied"),
    ],
)
def test_verbs_fall_into_classes(marked: str, verb_class: str) -> None:
    found = attribution_of(*asked(marked))

    assert found is not None
    assert found.verb_class == verb_class


def test_two_people_of_one_surname_keep_the_name_as_printed() -> None:
    marked = "Marta Quill and her brother Tom Quill came. “[[It will hold]],” Quill said."

    assert speaker_of(*asked(marked)) == "Quill"


def test_a_span_that_is_blank_or_at_the_edge_says_nothing() -> None:
    source = document("  \n“It will hold,” said Marta Quill.")

    assert speaker_of(source, Span(0, 2)) is None
    assert speaker_of(source, Span(0, 0)) is None
    assert speaker_of(source, Span(len(source.text), len(source.text))) is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Quill", "Marta Quill", True),
        ("President Marta Quill", "Quill", True),
        ("Marta Peña", "Pena", True),
        ("Marta Quill", "Tom Quill", False),
        ("Bo Lind", "Marta Quill", False),
        ("", "Marta Quill", False),
    ],
)
def test_same_person(first: str, second: str, same: bool) -> None:
    assert same_person(first, second) is same


@given(
    st.text(alphabet=st.sampled_from('aB .,“”"‘’«»\n:Qé¤said'), max_size=80),
    st.integers(0, 80),
    st.integers(0, 80),
)
@settings(max_examples=300, deadline=None)
def test_any_text_has_an_answer_and_a_place_inside_it(text: str, one: int, other: int) -> None:
    source = document(text)
    span = Span(min(one, other, len(source.text)), min(max(one, other), len(source.text)))
    found = attribution_of(source, span)

    assert found is None or (found.speaker and found.span.end <= len(source.text))


@pytest.mark.parametrize(
    "text",
    [
        "“" * 20_000,
        "Marta Quill said that " * 2_000,
        "A, " * 10_000 + "said",
        "Aa " * 10_000 + "said “x”",
        '"a" ' * 10_000,
        "the " * 10_000 + "official said",
        ("“It will hold,” said Marta Quill.\n" * 30_000),
    ],
    ids=["marks", "tags", "commas", "names", "quotations", "articles", "a megabyte"],
)
def test_hostile_text_costs_no_more_than_a_moment(text: str) -> None:
    source = document(text)
    middle = len(text) // 2
    start = time.process_time()
    attribution_of(source, Span(middle, min(len(text), middle + 200)))

    assert time.process_time() - start < 4


SEEDS = [
    ("find other solutions", "Rodrigo Peña"),
    ("high impact criminals", "Omar García Harfuch"),
    ("a potential trove", "Rodrigo Peña"),
    ("less focused on intelligence work", "Rodrigo Peña"),
    ("pollute or derail", "Diego Marroquín Bitar"),
    ("they expect more", "Diego Marroquín Bitar"),
    ("go after politicians", "Diego Marroquín Bitar"),
    ("run by cartels", "Donald Trump"),
    ("“sovereign decision”", "Claudia Sheinbaum"),
    ("“sovereign decisions”", "Claudia Sheinbaum"),
    ("The decision is for", "Claudia Sheinbaum"),
    ("so afraid of the cartels", "Donald Trump"),
    ("intelligent lady", "Donald Trump"),
    ("Three large-scale synthetic", "ICE"),
    ("“kind of message”", "Chuck Schumer"),
    ("What kind of message does", "Chuck Schumer"),
    ("gold-plated helicopter", "Chuck Schumer"),
    ("it is “false”", "Claudia Sheinbaum"),
    ("will reoccur", "Marco Rubio"),
    ("third such flight", None),
    ("Trump whisperer", None),
    ("extent of cooperation currently", None),
]


@pytest.mark.shared
@pytest.mark.parametrize(("needle", "speaker"), SEEDS, ids=[needle for needle, _ in SEEDS])
def test_speakers_on_real_pages(needle: str, speaker: str | None, shared_folder: Path) -> None:
    texts = [canonical(path.read_text("utf-8")) for path in sorted((shared_folder / "seeds").glob("*.txt"))]
    places = [(text, text.index(needle)) for text in texts if needle in text]
    if not places:
        pytest.skip("these words are on none of the pages")
    text, at = places[0]

    assert speaker_of(document(text), Span(at, at + len(needle))) == speaker
