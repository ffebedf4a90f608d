"""Word and Excel files → text. The readers work on the files' own XML (see `docx` and `xlsx` for what they keep)."""

from __future__ import annotations

from rag.documents.docx import parse_docx
from rag.documents.tables import parse_csv
from rag.documents.xlsx import parse_xlsx

__all__ = ["parse_csv", "parse_docx", "parse_xlsx"]
