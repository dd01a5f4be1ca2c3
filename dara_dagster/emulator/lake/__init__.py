"""Delta tables on disk: their logs and files, the folder tree that is the catalog, paths and locks."""
