"""What is computed, in numbers: knows no C and no core."""
