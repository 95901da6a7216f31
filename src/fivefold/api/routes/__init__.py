"""Routes by topic. Each states the verb it asks for; one that does not is closed to everybody."""
