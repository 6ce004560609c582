"""The grid of availability: its cells, on a terminal and as HTML."""
