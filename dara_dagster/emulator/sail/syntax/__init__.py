"""Reads SQL text: tokens, patterns, trees, literals, calls and names, each with its place in the text."""
