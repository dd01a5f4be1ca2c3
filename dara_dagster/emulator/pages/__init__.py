"""What a browser is shown: the page of a run."""
