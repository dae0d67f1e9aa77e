"""Which plan, and where its tensors lie."""
