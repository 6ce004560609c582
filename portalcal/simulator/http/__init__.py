"""The simulator's HTTP server, router and request log."""
