"""How Databricks is driven; the only place that knows the SDK."""
