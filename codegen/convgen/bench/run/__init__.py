"""Runs of an image, and what was seen of them."""
