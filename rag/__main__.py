"""`python -m rag` is the command `onrecord`."""

from rag.cli import main

raise SystemExit(main())
