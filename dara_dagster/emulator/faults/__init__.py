"""Faults on request: wrong answers over HTTP, and tasks that are simulated."""
