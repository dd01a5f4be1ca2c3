"""Waiting for many runs with few calls."""
