"""Benchmarks of speed and memory, each a command of its own: `python -m evals.bench.NAME --help`."""
