"""From C to an image."""
