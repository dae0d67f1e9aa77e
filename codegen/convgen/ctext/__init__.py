"""What C text is made of: literals and identifiers."""
