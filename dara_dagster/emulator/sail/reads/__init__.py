"""Reads of files by the rules of Spark."""
