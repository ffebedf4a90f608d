"""Hits to an answer: an answerer drafts, `verify` quotes, nothing else does."""
