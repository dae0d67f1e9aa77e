"""From files to a layer."""
