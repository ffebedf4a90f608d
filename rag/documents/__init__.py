"""Bytes to `Document`: type by content, one reader per family of formats, cleaning, metadata, limits."""
