"""The APIs, one package each: `routes` (HTTP) over `rules` (no HTTP) over their records."""
