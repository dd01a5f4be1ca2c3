"""Sensors on new files."""
