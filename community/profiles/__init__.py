"""A person's public page."""
