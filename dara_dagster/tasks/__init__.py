"""What a task of the plan needs and is on Databricks: its files, its request, its part of a saved job."""
