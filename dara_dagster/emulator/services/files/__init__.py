"""The Files API on volumes."""
