"""How tasks run: what an attempt does, its spec, its process."""
