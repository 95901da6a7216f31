"""Books of goods and money: immutable facts, balances that follow from them."""
