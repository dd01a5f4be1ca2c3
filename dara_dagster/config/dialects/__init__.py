"""The ways to write a workflow: entries, LEVEL / THREAD / STEP, step pipelines; all become the same tasks."""
