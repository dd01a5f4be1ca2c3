"""One run on Databricks: submitting it, its state, its outcome, its output, its end."""
