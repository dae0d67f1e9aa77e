"""One layer as one C function: its buffers, constants and steps."""
