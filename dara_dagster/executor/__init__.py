"""Two Dagster plug-ins; the only place where private Dagster names appear."""
