"""What comes back, what to do with each unit, and the customer's case."""
