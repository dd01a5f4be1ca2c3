"""Measures as commands: `python -m tests.benchmarks.executor` prints ours, the other and the ratio."""
