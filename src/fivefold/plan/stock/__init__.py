"""How much to hold where, from one place to many echelons."""
