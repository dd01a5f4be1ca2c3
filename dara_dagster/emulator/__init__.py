"""A local Databricks workspace; stands alone."""
