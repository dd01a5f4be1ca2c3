"""What Dagster's run storage tells: the status of runs, reports, comparisons, orphans."""
