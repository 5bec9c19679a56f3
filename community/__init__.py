"""Open side: the community."""
