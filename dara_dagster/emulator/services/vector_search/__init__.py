"""The Vector Search API."""
