"""Makes the four files of the dossier that are not plain text: a PDF, a DOCX, a mail and a spreadsheet.

    python corpus/build.py            # writes into corpus/dossier
    python corpus/build.py FOLDER     # writes into FOLDER instead

Everything they say stands in this script. The same script with the same library versions gives the same bytes: dates
are fixed, and only the DOCX is compressed (its style sheets are large).
"""

from __future__ import annotations

import datetime as dt
import io
import sys
import zipfile
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import docx
import openpyxl
from fpdf import FPDF
from openpyxl.styles import Font

DOSSIER = Path(__file__).parent / "dossier"

BRIEFING_TITLE = "Three flights, ninety-two people"
BRIEFING_DATE = dt.datetime(2026, 2, 3, 9, 0, tzinfo=dt.UTC)
BRIEFING: list[tuple[str, list[str]]] = [
    (
        "Summary",
        [
            "Between February 2025 and the beginning of 2026 Mexico gave 92 prisoners to the United States in three "
            "flights. The Mexican government presents each of them as its own free choice. This briefing sets out "
            "what is known, what is disputed and what nobody has told the public.",
        ],
    ),
    (
        "1. The three flights",
        [
            "The first flight left on 27 February 2025 with 29 prisoners. Rafael Caro Quintero, who is linked to the "
            "murder of the American agent Enrique Camarena in 1985, was among them.",
            "The second flight carried 26 prisoners. The most prominent was Servando Gómez Martínez, or La Tuta, "
            "of La Familia Michoacana.",
            "The third flight carried 37 prisoners, the largest group so far. Pedro Inzunza Noriega travelled with it.",
            "For the second and the third flight our sources name no day.",
        ],
    ),
    (
        "2. Which law?",
        [
            "None of the three groups went through the usual extradition procedure. Specialists in Mexico therefore "
            "ask on what legal ground the flights rest. Some commentators nevertheless write of extraditions.",
            "The word therefore matters to courts and to readers. This briefing speaks of transfers throughout.",
        ],
    ),
    (
        "3. Washington's wishes",
        [
            'Donald Trump has repeatedly called Mexico "run by cartels". He demands that President Claudia '
            "Sheinbaum do more and leaves open whether the United States will act alone.",
            "American officials are reported to have renewed a proposal: soldiers of both countries would jointly "
            "raid the laboratories in which fentanyl is made. Sheinbaum has declined such offers again and again, for "
            "reasons of sovereignty. Earlier American interventions make the subject delicate in Mexico.",
            "To act alone in Mexico would cost the United States much more than it did in Venezuela. It would shake "
            "Mexican politics, and the two countries trade goods worth almost one trillion dollars a year.",
        ],
    ),
    (
        "4. Trade and security",
        [
            "The trade treaty between the United States, Mexico and Canada is under renegotiation. Talks about "
            "security and talks about trade can hardly be kept apart any more.",
            "To keep tariffs away, Mexico has lowered the number of migrants who reach the common border and has "
            "accepted people whom the United States deports.",
        ],
    ),
    (
        "5. What is disputed",
        [
            "The motive: Sheinbaum speaks of sovereign decisions in the interest of Mexico's security; her critics "
            "speak of concessions to Trump.",
            "The Sinaloa laboratories: in May 2025 the American agency ICE said that a unit of its own had led the "
            "operation. Sheinbaum called that account false.",
            "A joint programme against drugs: the DEA announced it in August 2025. Sheinbaum denied that Mexico had "
            "agreed to it.",
        ],
    ),
    (
        "6. What is not known",
        [
            "We have found no complete list of the 92 names, no figure for the cost of the flights, and no account of "
            "where the passengers are held now. A reader who finds such a figure elsewhere should ask for its source.",
        ],
    ),
]

FLIGHTS: list[tuple[int, dt.date | None, int, int, str]] = [
    (1, dt.date(2025, 2, 27), 29, 29, "Rafael Caro Quintero"),
    (2, None, 26, 55, "Servando Gómez Martínez"),
    (3, None, 37, 92, "Pedro Inzunza Noriega"),
]
BORDER = [("April 2024", 179_737), ("April 2025", 12_035)]


class _Briefing(FPDF):
    def header(self) -> None:
        self.set_font("Helvetica", "I", 8)
        self.cell(
            0, 5, "Ashgrove Briefing Service - Prisoner transfers", align="L", new_x="LMARGIN", new_y="NEXT"
        )
        self.ln(3)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("Helvetica", "", 8)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}} - Briefing 14/2026", align="C")


def briefing() -> bytes:
    """A PDF of three small pages (148 x 210 mm) in two columns, with a running header and a numbered footer."""
    pdf = _Briefing(format=(148, 210))
    pdf.set_compression(False)
    pdf.set_creation_date(BRIEFING_DATE)
    pdf.set_title(BRIEFING_TITLE)
    pdf.set_author("Ashgrove Briefing Service")
    pdf.set_lang("en")
    pdf.set_margins(14, 12, 14)
    pdf.set_auto_page_break(True, margin=16)
    pdf.add_page()
    pdf.set_font("Helvetica", "B", 15)
    pdf.cell(0, 9, BRIEFING_TITLE, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 9)
    pdf.cell(0, 6, "Ashgrove Briefing Service, briefing of 3 February 2026", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)
    with pdf.text_columns(ncols=2, gutter=7, text_align="LEFT", line_height=1.4) as columns:
        for heading, paragraphs in BRIEFING:
            pdf.set_font("Helvetica", "B", 12)
            with columns.paragraph(top_margin=2, bottom_margin=1) as block:
                block.write(heading)
            pdf.set_font("Helvetica", "", 12)
            for paragraph in paragraphs:
                with columns.paragraph(bottom_margin=2) as block:
                    block.write(paragraph)
    return bytes(pdf.output())


def memo() -> bytes:
    """A DOCX: an internal memo with headings and two tables."""
    document = docx.Document()
    properties = document.core_properties
    properties.title = "Standards memo: the Sinaloa laboratories and the Guzmán relatives"
    properties.author = "Greta Holmsund"
    properties.last_modified_by = "Greta Holmsund"
    properties.created = properties.modified = dt.datetime(2025, 5, 30, 8, 0)
    properties.comments = ""
    document.add_heading(properties.title, level=0)
    document.add_paragraph("Dunlin Desk, internal. From Greta Holmsund, standards editor. 30 May 2025.")
    document.add_paragraph(
        "Two stories of this month rest on claims that contradict each other. Until one side shows proof, please "
        "print no version as fact and always name the person or agency that makes the claim."
    )
    document.add_heading("The three laboratories", level=1)
    _table(
        document,
        ("Point", "What ICE says", "What Sheinbaum says", "Our wording"),
        (
            (
                "Who led the raid",
                "a unit of ICE Homeland Security Investigations",
                "no foreign agency",
                "disputed",
            ),
            ("The photograph", "shows the raid", "shows something else", "do not print it"),
            ("The shipments", "came from China", "no comment found", "according to ICE"),
        ),
    )
    document.add_heading("How many relatives of El Chapo?", level=1)
    document.add_paragraph(
        "Two figures are in circulation for the relatives of Joaquín Guzmán who were let into the United States."
    )
    _table(
        document,
        ("Figure", "Who uses it", "Remark"),
        (
            ("17", "Senator Schumer and most reports", "spoken of as relatives of El Chapo"),
            ("16", "one commentary", "spoken of as family members who came with his son Ovidio's deal"),
        ),
    )
    document.add_paragraph(
        "We do not know whether the two counts mean the same people. Write the figure together with its source."
    )
    document.add_paragraph("Questions go to Greta on extension 214.")
    buffer = io.BytesIO()
    document.save(buffer)
    return _fixed_zip(buffer.getvalue(), method=zipfile.ZIP_DEFLATED)


def _table(
    document: docx.document.Document, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]
) -> None:
    table = document.add_table(rows=0, cols=len(header), style="Table Grid")
    for row in (header, *rows):
        for cell, words in zip(table.add_row().cells, row, strict=True):
            cell.text = words


def spreadsheet() -> bytes:
    """An XLSX with two sheets; the days that no source gives are empty cells."""
    book = openpyxl.Workbook()
    book.properties.title = "Transfers in figures"
    book.properties.creator = "Dunlin Desk"
    book.remove(book.worksheets[0])
    flights = book.create_sheet("Flights")
    flights.append(["Flight", "Date", "People", "Cumulative total", "Best-known passenger", "Remark"])
    for number, day, people, total, name in FLIGHTS:
        flights.append([number, day, people, total, name, None if day else "day not given in any source"])
    for row in flights.iter_rows(min_row=2, min_col=2, max_col=2):
        row[0].number_format = "yyyy-mm-dd"
    border = book.create_sheet("Border")
    border.append(["Month", "Migrant encounters"])
    for month, encounters in BORDER:
        border.append([month, encounters])
    for sheet in (flights, border):
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    book.properties.created = book.properties.modified = dt.datetime(2026, 1, 26, 10, 0)
    buffer = io.BytesIO()
    book.save(buffer)
    return _fixed_zip(buffer.getvalue(), {"docProps/core.xml": _without_save_time})


def _without_save_time(xml: bytes) -> bytes:
    """openpyxl writes the moment of saving as the date of modification; put the creation date there."""
    head, _, rest = xml.partition(b"<dcterms:modified")
    tag, _, rest = rest.partition(b">")
    _, _, tail = rest.partition(b"<")
    return head + b"<dcterms:modified" + tag + b">2026-01-26T10:00:00Z<" + tail


def _fixed_zip(
    data: bytes, edits: dict[str, Callable[[bytes], bytes]] | None = None, method: int = zipfile.ZIP_STORED
) -> bytes:
    """The same members, each with the date 1980-01-01; `edits` change the member of that name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            edit = (edits or {}).get(name)
            new.writestr(zipfile.ZipInfo(name), edit(content) if edit else content, compress_type=method)
    return buffer.getvalue()


def mail() -> bytes:
    """An EML with a text part and a CSV of the same figures attached."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Figures desk", "figures", "dunlin-desk.example")
    message["To"] = Address("All reporters", "reporters", "dunlin-desk.example")
    message["Date"] = "Mon, 26 Jan 2026 10:12:00 +0000"
    message["Subject"] = "Transfer figures, checked"
    message["Message-ID"] = "<20260126101200.0001@dunlin-desk.example>"
    message.set_content(
        "Dear all,\n\n"
        "the table of prisoner flights is attached as a CSV file. The three groups have 29, 26 and 37 people, and\n"
        "the sum is 92. Please stop using 95: that figure came from a typing error of ours and is wrong.\n\n"
        "The columns for the second and third date stay empty on purpose. We have asked twice for the days and have\n"
        "had no reply.\n\n"
        "Jonas Tiller\n"
        "Figures desk, Dunlin Desk\n"
    )
    rows = ["flight,date,people,running_total,best_known_passenger"]
    rows += [f"{n},{day or ''},{people},{total},{name}" for n, day, people, total, name in FLIGHTS]
    message.add_attachment(
        "\n".join(rows).encode() + b"\n", maintype="text", subtype="csv", filename="transfers.csv"
    )
    message.set_boundary("=_dunlin_desk_2026")
    return message.as_bytes()


FILES = {
    "09-flights-briefing.pdf": briefing,
    "10-labs-memo.docx": memo,
    "11-figures-mail.eml": mail,
    "12-flights.xlsx": spreadsheet,
}


def main(folder: Path) -> None:
    for name, make in FILES.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOSSIER)
