"""How one op runs one task: attempts, retries, cancellation, results."""
