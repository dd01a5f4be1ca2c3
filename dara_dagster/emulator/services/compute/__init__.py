"""The Clusters, Libraries and SQL Warehouses APIs."""
