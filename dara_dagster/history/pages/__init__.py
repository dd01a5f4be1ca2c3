"""Reports as web pages that stand alone."""
