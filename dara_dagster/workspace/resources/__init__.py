"""What a run needs in the workspace, made to match: compute, files, volumes, indexes."""
