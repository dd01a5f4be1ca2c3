"""The Jobs API: runs, their scheduler, their outcomes."""
