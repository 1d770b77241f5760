"""Commands of the governance floor."""
