"""Ninety days of a plausible company, written through the product's own services."""
