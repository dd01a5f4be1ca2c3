"""Reading and triggering from outside."""
