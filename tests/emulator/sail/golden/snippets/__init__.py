"""What is asked of both engines: SQL by topic in the .sql files, DataFrame calls in the .py files."""
