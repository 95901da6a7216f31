"""The control tower: view models, pages and the small modules a browser runs.

Reads plans, tables and books; writes nothing. Routes stand in `fivefold.api.pages`.
"""
