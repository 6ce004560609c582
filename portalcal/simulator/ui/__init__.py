"""The simulator's own web pages."""
