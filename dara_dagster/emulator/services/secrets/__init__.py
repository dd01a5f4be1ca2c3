"""The Secrets API."""
