"""Adversaries: what each does to each command, and what comes of it. `python -m tests.security` prints the table."""
