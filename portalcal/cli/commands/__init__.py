"""One module a command: parse into options, call the use case, show the result."""
