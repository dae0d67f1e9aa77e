"""Inputs that find mistakes, and the verdict on outputs."""
