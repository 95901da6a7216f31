"""Chapters of the report, one a module; each takes a `Story` and returns HTML."""
