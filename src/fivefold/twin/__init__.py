"""Plays the same cycle against a made-up world."""
