"""The calls that a client of Lakebase's Postgres makes."""
