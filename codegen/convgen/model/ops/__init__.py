"""The operators: one module each, with its exact arithmetic."""
