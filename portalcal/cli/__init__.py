"""The command line: each command parses its options, runs one use case and shows the result."""
