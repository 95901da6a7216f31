"""Mathematics that knows nothing of supply chains."""
