"""What the user wrote, and what it means."""
