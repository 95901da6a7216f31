"""From whom to buy, in what lots, at what landed cost."""
