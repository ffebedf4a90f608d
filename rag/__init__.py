"""On the Record: question answering in which every quote is the source's own text."""

__version__ = "0.1.0"
