"""Buys, makes and moves by period under the limits items share."""
