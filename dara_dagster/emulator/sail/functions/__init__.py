"""Functions in SQL text and in the plans of DataFrame calls."""
