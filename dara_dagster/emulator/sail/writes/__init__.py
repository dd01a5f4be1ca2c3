"""Writes of tables and files: guarded, and corrected where Sail differs from Spark."""
