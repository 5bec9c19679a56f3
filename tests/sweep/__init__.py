"""Hostile values, for every address and every field the product reads."""
