"""How the shipped weights were made. Runnable; nothing here is imported when answering."""
