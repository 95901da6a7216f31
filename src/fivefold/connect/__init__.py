"""Reads what people have into tables of the schema, and says all that is wrong with it."""
