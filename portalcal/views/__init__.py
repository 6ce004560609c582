"""Render results as terminal pages, JSON, and export formats. No view makes decisions."""
