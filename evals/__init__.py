"""The evaluation bench: suites, metrics, runs, comparisons, reports."""
