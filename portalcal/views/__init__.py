"""Answers to words: on a terminal, in JSON, in files. Nothing here decides."""
