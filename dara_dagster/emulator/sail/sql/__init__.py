"""The SQL dialect of Databricks on top of Sail: what Sail lacks or does wrongly is handled here, by topic."""
