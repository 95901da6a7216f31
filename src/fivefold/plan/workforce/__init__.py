"""How many people work where and when, and when to look for them."""
