"""How Dagster sees a plan: resources, ops, jobs, assets."""
