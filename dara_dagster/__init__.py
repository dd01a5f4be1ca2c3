"""DARA for Dagster: run Databricks work from plain config files."""
