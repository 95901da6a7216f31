"""Independent rules: is this plan legal? Shares no code with the engines."""
