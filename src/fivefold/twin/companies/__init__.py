"""Invented companies that write the files a real one would bring."""
