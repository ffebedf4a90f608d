"""Whole pages as a browser copies them: `- ` is the page's own line, everything else is what the page says."""

from __future__ import annotations

import time

import pytest

from rag.documents.building import canonical
from rag.documents.clean import find_furniture
from tests.documents.conftest import kept

NEWSPAPER = """
- Skip to content
- The Kettle Point Courier
- Independent news for the harbour towns
- Home
- News
- Town Hall
- Schools
- Classifieds
Council backs bridge after six-year fight
- 4 min read
- A ferry crosses Kettle Harbour in January. (Courier file photo)
The council voted 7 to 2 on Tuesday night to replace the harbour ferry with a bridge.
The vote ended a dispute that has divided the town for six years.
“I have waited for this night since I was a child,” said Councillor Petra Lindqvist.
- RELATED: Seal colony report left out of study
Ferry crews, who filled the public gallery, left before the count was read out.
“Nobody asked us.”
The bridge will cost an estimated $48 million, of which the state is to pay two thirds.
- Advertisement
What happens next
Construction is due to begin in March 2027.
Mayor Joan Whitfield declined to comment.
- Hugh Dannon contributed reporting from Milltown.
- Share this:
- Facebook
- Email
- Related
- Ferry fares to rise in May
- February 2, 2026
- In "Town Hall"
- Tagged bridge, council, ferry
- Previous
- School lunch prices frozen
- 2 thoughts on “Council backs bridge after six-year fight”
- Harold M.
- March 11, 2026 at 8:14 pm
- About time. I have been missing my connection for years.
- Reply
- islandgirl77
- March 11, 2026 at 9:40 pm
- And who is going to pay the toll? Nobody mentions the toll.
- Reply
- Recent Posts
- Library to open on Sundays
- Proudly powered by WordPress
"""

BROADCASTER = """
- WATCH LIVE
- 61°
- Weather
- Traffic
- Sports
- KTLV Investigates
- Breaking News
Otters roll past Fairmont for ninth straight win
Published: January 17, 2026
Nia Brandt scored 24 points and the Otters beat Fairmont 71-63 on Saturday night.
It was their ninth win in a row.
- READ MORE: Grayling coach suspended two games
“She was tired. You could see it,” coach Lou Ferrante said. “Then she wasn’t.”
Fairmont (12-6) led 34-29 at the half.
The Otters play at Grayling on Tuesday.
- Download the KTLV+ app for Roku and Fire TV
- Copyright 2026 KTLV. All rights reserved.
- More Videos
- Next up in 5
- In Other News
- Man rescued from frozen pond in Elk County
- Snow totals: How much fell in your town
"""

DIARIO = """
- Suscríbete
- Inicia sesión
- Portada
- Estado
- Nacional
- Opinión
Anuncia Salgado plan de 3.200 millones para el agua
Por Javier Olmos
- Foto: Cortesía Gobierno del Estado
El gobierno estatal anunció el lunes un plan de 3.200 millones de pesos para reparar la red de agua.
“No podemos seguir tirando el agua que no tenemos”, dijo la gobernadora Irene Salgado.
El plan comprende tres obras:
1. Un acueducto de 38 kilómetros.
2. Dos plantas de tratamiento.
3. La sustitución de 12 mil medidores.
- PUBLICIDAD
La oposición pidió conocer los contratos.
Las obras comenzarán en septiembre y durarán dos años.
- Temas relacionados:
- agua
- Irene Salgado
- Notas relacionadas
- Hallan a hombre sin vida en el Chamizal
- Cierra el puente Libre por manifestación
- Comentarios
- Rosario Meza
- hace 3 horas
- Ojalá sea cierto, llevamos años así.
- Me gusta · Responder
- Todos los derechos reservados 2026
"""

INTERVIEW = """
- Donate
- Newsletters
- Click to share on Facebook (Opens in new window)
A shelter without guests
by Coral Whitlock
- Marta Quiles in the kitchen of the shelter. Credit: Coral Whitlock / The Border Reader
Marta Quiles has run the shelter in Nogales since 2011. We spoke to her in her kitchen.
When did you first notice the change?
In October. We went from forty people a night to nine.
And what did you think?
I thought the buses had broken down.
Do you still get money from the city?
No. Not since the spring.
My grandmother had a verse for such days, and she wrote it above the door of this kitchen:
Plant the pear for your heirs,
the plum for your friends,
and the rose for today.
- Coral Whitlock is a staff writer for The Border Reader based in Tucson.
- Republish this story
- Our journalism needs you
- Subscribe to our newsletter
"""


def read(page: str, joint: str) -> tuple[str, list[str], list[str]]:
    """The text of a page, the lines that are the page's and the lines that are what it says."""
    lines = page.strip().split("\n")
    text = canonical(joint.join(line.removeprefix("- ") for line in lines))
    leftovers = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    return text, leftovers, [line for line in lines if not line.startswith("- ")]


@pytest.mark.parametrize("joint", ["\n", "\n\n"])
@pytest.mark.parametrize("page", [NEWSPAPER, BROADCASTER, DIARIO, INTERVIEW])
def test_a_page_loses_its_own_lines_and_no_other(page: str, joint: str) -> None:
    text, leftovers, said = read(page, joint)
    remaining = [line for line in kept(text, find_furniture(text)).split("\n") if line.strip()]
    assert remaining == said
    assert not set(leftovers) & set(remaining)


@pytest.mark.parametrize("page", [NEWSPAPER, BROADCASTER, DIARIO, INTERVIEW])
def test_the_article_alone_loses_nothing(page: str) -> None:
    said = "\n".join(read(page, "\n")[2])
    assert find_furniture(said) == ()


def test_a_single_advert_costs_no_line_beside_it() -> None:
    said = read(DIARIO, "\n")[2]
    for place in range(2, len(said) + 1):
        text = "\n".join([*said[:place], "Advertisement", *said[place:]])
        assert [span.of(text) for span in find_furniture(text)] == ["Advertisement"], said[place - 1]


def test_who_somebody_in_the_story_is_stays() -> None:
    text, _, _ = read(NEWSPAPER, "\n")
    line = "Petra Lindqvist is a former reporter for the harbour radio, and she has sat on the council since 2014."
    text = text.replace("“Nobody asked us.”", f"{line}\n“Nobody asked us.”")
    assert line in kept(text, find_furniture(text))


def test_a_second_article_below_the_first_ones_comments_is_kept() -> None:
    first, _, _ = read(BROADCASTER, "\n\n")
    second = [line for line in NEWSPAPER.strip().split("\n") if not line.startswith("- ")]
    text = first + "\n\n" + "\n\n".join(second)
    remaining = kept(text, find_furniture(text))
    assert [line for line in second[1:] if line not in remaining] == []


@pytest.mark.parametrize(
    "line",
    ["x" * 200_000, "1" * 200_000, "1." * 100_000, "a/" * 100_000, "A/ " * 60_000, "a@" * 100_000, "(" * 100_000,
     "- " * 99_999, "1 " * 100_000, "Photo " * 30_000, "in this " * 30_000, "word-" * 40_000, "\u201c" * 100_000],
)  # fmt: skip
def test_hostile_lines_take_no_time(line: str) -> None:
    page = (
        f"Home\nNews\nShare this\n{line}\n"
        + read(NEWSPAPER, "\n")[0]
        + f"\n{line[:5000]}\n{line[:590]}\n{line[:150]}\n"
    )
    started = time.monotonic()
    find_furniture(canonical(page))
    assert time.monotonic() - started < 10  # well below 1 s on a quiet machine


def test_ten_thousand_labels_take_no_time() -> None:
    started = time.monotonic()
    find_furniture("Some label here\nHome\n" * 10_000)
    assert time.monotonic() - started < 20
