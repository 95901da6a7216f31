"""What to make, of what, on which machine, when."""
