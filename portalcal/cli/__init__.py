"""Parse, one use-case, show."""
