"""Structured Streaming as incremental batches."""
