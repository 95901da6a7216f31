"""What Fivefold costs and how good it is, measured; see `benchmarks/_form.py` for the form."""
