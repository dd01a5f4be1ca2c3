"""The Workspace API: notebooks, files and folders."""
