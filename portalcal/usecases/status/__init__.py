"""`status`: the checks, the runner that runs them concurrently, and the early warnings of other commands."""
