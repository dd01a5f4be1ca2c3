"""The Jobs API: saved jobs, their settings, their repairs."""
