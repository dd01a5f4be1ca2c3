"""Runs one task: everything inside its process."""
