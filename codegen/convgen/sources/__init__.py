"""A plan as C: what a firmware engineer takes."""
