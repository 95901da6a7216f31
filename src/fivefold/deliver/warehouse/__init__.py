"""Inside a building: where goods lie, who walks which way, what goes into which box."""
