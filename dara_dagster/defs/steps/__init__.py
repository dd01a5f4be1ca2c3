"""Step pipelines: ops that hand one typed context from step to step."""
