"""The Unity Catalog API: catalogs, schemas, volumes and tables."""
