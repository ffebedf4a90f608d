"""Document to searchable: passages, vectors, the catalogue, and the Library that owns them."""
