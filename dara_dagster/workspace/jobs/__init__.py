"""Workflows as saved Databricks jobs."""
