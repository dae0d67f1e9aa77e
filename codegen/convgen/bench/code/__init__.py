"""The machine code of an image: sizes, calls, cycles."""
