"""Cores and the machines that run them."""
