"""The rules that what people write has to keep; every problem is found, not only the first."""
