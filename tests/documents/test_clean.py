"""Furniture: no leftover of a page may be quoted, and no sentence of an article may be lost (the worse mistake)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.building import canonical
from rag.documents.clean import find_furniture
from rag.documents.lines import units_of
from tests.documents.conftest import kept

ARTICLE = [
    "The council met on Tuesday and voted seven to two for the new bridge, which is to open in the spring.",
    "“Follow us and support our work, subscribe today, share this page,” the mayor told supporters at the harbour.",
    "Ferry crews fear for their jobs. Their union said that it had collected 1,200 signatures in four days.",
    "The bridge will cost 40 million euros, according to the budget that was published on Monday.",
    "Critics say that the council used cookies on its website to follow readers, which the mayor denied.",
    "Share prices of the building company rose by 4 percent after the vote, and the bank raised its forecast.",
    "Subscribers to the newsletter of the union had been told about the plan in March, two members said.",
    "She had been loading freight for eleven years when the first plan for a bridge was drawn up.",
    "In 2019 a ferry sank, and three people died; the inquiry blamed the age of the ship.",
]

SPANISH = [
    "El consejo se reunió el martes y votó siete a dos a favor del nuevo puente, que abrirá en primavera.",
    "“Síganos y comparta esta página”, pidió el alcalde a sus seguidores en el puerto el lunes por la noche.",
    "El sindicato dijo que había reunido 1.200 firmas en cuatro días y que no pensaba rendirse.",
]

LEFTOVERS = """Home Top Ad|Post Bottom Ad|Responsive Ads Here|Advertisement|ADVERTISEMENT
Story continues below advertisement|Loading...|Please wait for a bit|Click any word to translate
Skip to main content|Toggle navigation|Back to top|Older Posts|Newer Post|demo-image
harbour-bridge-400x229|photo_of_bridge-1024x768.jpg|IMG_2034.JPG|https://example.org/2025/05/bridge.html
* * *|.|Share this article|Share on Facebook|Click to share on X (Opens in new window)
Email This BlogThis! Share to X Share to Facebook|Copy link|Print this article|Watch on X
Watch on YouTube|View this post on Instagram|Facebook Twitter WhatsApp Telegram
Like this: Like Loading...|Post a Comment|Leave a Reply|Leave a Reply Cancel reply|No comments:
3 Comments|Be the first to comment|Comments are closed.
Your email address will not be published. Required fields are marked *|Email *|Message *|Name *
Contact Form|Save my name, email, and website in this browser for the next time I comment.
Notify me of follow-up comments by email.
This site is protected by reCAPTCHA and the Google Privacy Policy and Terms of Service apply.
Powered by Blogger.|This site uses Akismet to reduce spam. Learn how your comment data is processed.
Sign up for our newsletter|Subscribe to our newsletter
We use cookies to improve your experience on our website. By continuing to browse, you agree to our use of cookies.
Accept all cookies|© 2025 Harbour Post. All rights reserved.|Copyright 2025 The Harbour Post
All Rights Reserved|Privacy Policy|Terms of Use|Tags: bridge, ferry, council|Filed under: News, Harbour
Labels: bridge|Photo: Ana Ruiz/Harbour Post|Photo by Ana Ruiz|(Foto: EFE)|Image credit: Ana Ruiz
Read more: Ferry crews fear for their jobs|Also read: What the bridge will cost
Lee también: El puente y el ferry|5 min read|1,204 views
Follow us on Instagram and X and subscribe to our Telegram channel.
Help us stay afloat. Click the image below to make a one-time donation.|Already a subscriber? Log in
You have read 2 of your 3 free articles this month.|Thank you for reading!
Home » News » Opinion » Contact|Home > News > Harbour|Deja un comentario
Tu dirección de correo electrónico no será publicada. Los campos obligatorios están marcados con *
Guarda mi nombre, correo electrónico y web en este navegador para la próxima vez que comente.
Compartir en Facebook|Comparte esta nota|Síguenos en Facebook y Twitter|Suscríbete a nuestro boletín
Todos los derechos reservados|Política de privacidad|Publicidad|Cargando...
Este sitio web utiliza cookies para mejorar su experiencia.|Haz clic aquí para leer más|Sin comentarios
Aviso de privacidad
Enter your email address to subscribe to this blog and receive notifications of new posts by email.
Join 1,234 other subscribers|View all posts by Ana Ruiz|Get our best stories straight to your inbox.|Gift article
Video Player is loading.|This is a modal window.|Scroll back to top|Buy Me A Coffee|Please enter your name here
Disclaimer: The views expressed in this article are the author's own.|Discover more from Harbour Post|Add to cart
Something went wrong. Please try again.|Comments are moderated and will not appear until approved.
¿Quieres recibir nuestras noticias?|Recibe las noticias más importantes en tu correo.|Foto: Cuartoscuro
Únete a nuestro canal de WhatsApp|© Derechos reservados 2025|Escucha esta nota|Publicar comentario
The post Bridge wins appeared first on Harbour Post.""".replace("\n", "|")


@pytest.mark.parametrize("leftover", [line for line in LEFTOVERS.split("|") if line.strip()])
def test_a_leftover_below_an_article_is_furniture(leftover: str) -> None:
    text = canonical("\n\n".join([*ARTICLE, leftover]))
    assert [span.of(text) for span in find_furniture(text)] == [leftover]


def test_pipes_make_a_menu() -> None:
    text = "Home | News | Opinion | Contact\n\n" + ARTICLE[0]
    assert find_furniture(text)[0].of(text) == "Home | News | Opinion | Contact"


def test_clean_articles_lose_nothing() -> None:
    for article in (ARTICLE, SPANISH):
        assert find_furniture("\n\n".join(article)) == ()
        assert find_furniture("\n".join(article)) == ()


@given(st.integers(0, 10**6))
def test_no_sentence_is_lost_and_no_leftover_is_kept_in_any_mixture(seed: int) -> None:
    draw = random.Random(seed)
    leftovers = [line for line in LEFTOVERS.split("|") if line.strip()]
    article = draw.sample(ARTICLE, 6)
    lines = [
        *draw.sample(leftovers, draw.randrange(5)),
        "The bridge wins the vote",
        *article[:3],
        *draw.sample(leftovers, draw.randrange(3)),
        *article[3:],
        *draw.sample(leftovers, draw.randrange(8)),
    ]
    text = canonical(draw.choice(["\n", "\n\n"]).join(lines))
    remaining = [unit.text for unit in units_of(kept(text, find_furniture(text)))]
    assert [line for line in remaining if line in ARTICLE] == article
    assert [line for line in remaining if line in leftovers] == []


@given(st.text(max_size=300))
def test_spans_ascend_inside_any_text(text: str) -> None:
    text = canonical(text)
    end = 0
    for span in find_furniture(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


def test_words_of_menus_inside_documents_stay() -> None:
    for lines in (
        [
            "The plan covers:",
            "Health",
            "Education",
            "Economy",
            "The three were agreed on in March 2021 by the council.",
        ],
        ["Politics", ARTICLE[0], "Health", ARTICLE[2], "Opinion", ARTICLE[3]],
        ["Milk", "Bread", "Eggs", "Flour"],
        ["Name: Ana Ruiz", "Email: ana@example.org", "Phone: 555 0100", "Message: The bridge opens in May."],
        [
            "Q: Will the ferry close?",
            "A: Yes.",
            "Q: When?",
            "A: In May 2026.",
            "Q: Why?",
            "A: It is too old.",
        ],
    ):
        assert find_furniture("\n".join(lines)) == (), lines


def test_an_address_block_of_a_template() -> None:
    block = "Physical Address\n\n12 North Harbour St.\nPort Town, MA 02124"
    text = f"{block}\n\nThe bridge wins\n\n{ARTICLE[0]}"
    assert find_furniture(text)[0].of(text) == block


def test_the_description_of_a_picture_above_the_headline() -> None:
    caption = (
        "Harbour Wire A dramatic aerial view of the bridge highlighting the long road over the green water."
    )
    sentence = (
        "A photograph of the bridge that the mayor published on Monday showed cracks in two of its pillars."
    )
    assert [
        s.of(t) for t in [f"{caption}\n\nThe bridge wins\n\n{ARTICLE[0]}"] for s in find_furniture(t)
    ] == [caption]
    assert find_furniture(f"{sentence}\n\nThe bridge wins\n\n{ARTICLE[0]}") == ()


def test_related_headlines_end_where_the_article_goes_on() -> None:
    text = "\n\n".join(
        [
            ARTICLE[0],
            "Popular Posts",
            "Ferry sinks off the coast",
            "Ten best beaches",
            "What comes next",
            ARTICLE[2],
        ]
    )
    remaining = kept(text, find_furniture(text))
    assert "Ten best beaches" not in remaining
    assert "What comes next" in remaining
    assert ARTICLE[2] in remaining


def test_readers_comments_below_the_article() -> None:
    comments = ["2 Comments", "Bob says:", "Nobody needs this bridge, it is a waste of money and time.", "Reply",
                "Eve says:", "I disagree with that.", "Reply"]  # fmt: skip
    text = "\n\n".join([*ARTICLE, *comments])
    assert kept(text, find_furniture(text)).strip().endswith(ARTICLE[-1])


def test_a_call_at_the_end_of_a_paragraph_is_cut_out_alone() -> None:
    text = f"{ARTICLE[0]} {ARTICLE[2]} Subscribe to our newsletter for daily updates."
    assert [span.of(text) for span in find_furniture(text)] == [
        "Subscribe to our newsletter for daily updates."
    ]


def test_a_cookie_policy_is_a_document_of_its_own() -> None:
    policy = "\n\n".join(
        [
            "We use cookies on our website to remember your language and the size of the letters you chose.",
            "You can change your settings on this website at any time; cookies of other firms are set on our pages too.",
            "Our partners keep their cookies on your computer for ninety days, and then your browser deletes them.",
            "This website stores the address of your computer for a week to find faults, and cookies for a month.",
        ]
    )
    assert find_furniture(policy) == ()


FURNITURE_OF_SEEDS = [
    ("000", [], ["Sheinbaum immediately responded", "As new Ambassador arrives", "diminished in April"]),
    ("001", ["Home Top Ad", "Post Top Ad", "demo-image", "us-mexico-400x229", "mark-schumer", "Watch on X",
             "Click the share button", "Feel free to repost", "reader-funded", "Help us stay afloat", "gr-donation",
             "https://www.globalresearch", "publish all articles", "No comments:", "Post a Comment", "Post Bottom Ad",
             "Pages", "Contact Form", "Email *", "Message *", "Ahmed Adel is"],
     ["ICE said in a statement", "Schumer slammed the deal", "Ronald Johnson", "gold-plated"]),
    ("002", ["Physical Address", "304 North Cardinal", "Dorchester Center", "dramatic aerial view"],
     ["Patterns of Extradition", "lowest point in 15 years", "only time will reveal", "Charting a Future"]),
    ("003", ["Loading...", "Please wait for a bit", "Click any word"],
     ["Original article by", "Omar García Harfuch", "from her own party", "they expect more"]),
    ("004", [], ["unprecedented in their shared history", "appears to be winning out", "La Politica Online"]),
]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize(("number", "leftovers", "sentences"), FURNITURE_OF_SEEDS)
def test_real_pages(shared: Path, number: str, leftovers: list[str], sentences: list[str]) -> None:
    (path,) = (shared / "seeds").glob(f"{number}_*.txt")
    text = canonical(path.read_text(encoding="utf-8"))
    remaining = kept(text, find_furniture(text)).replace("\xa0", " ")
    text = text.replace("\xa0", " ")
    for leftover in leftovers:
        assert leftover in text
        assert leftover not in remaining
    for sentence in sentences:
        assert sentence in remaining
    long = [line for line in text.split("\n") if len(line) > 250 and "Click the" not in line]
    assert long
    assert all(line.strip() in remaining for line in long)  # every paragraph of the articles, whole


@pytest.mark.shared
def test_no_paragraph_of_an_encyclopedia_is_furniture(shared: Path) -> None:
    import json

    articles = json.loads((shared / "data" / "xquad" / "xquad.es.json").read_text(encoding="utf-8"))["data"]
    articles += json.loads((shared / "data" / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
    assert len(paragraphs) > 400
    assert [paragraph for paragraph in paragraphs if find_furniture(canonical(paragraph))] == []
