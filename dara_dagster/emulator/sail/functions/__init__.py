"""Functions and operators in SQL text and in plans, in words for which Sail has the right answer."""
