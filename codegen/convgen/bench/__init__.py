"""A plan for real: built, run, compared and measured."""
