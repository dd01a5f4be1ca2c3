"""`python -m dara_dagster.cli`, where the script `dara` is not on the path."""

from dara_dagster.cli import main

main()
