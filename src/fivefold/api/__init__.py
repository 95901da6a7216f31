"""The same use cases over HTTP."""
