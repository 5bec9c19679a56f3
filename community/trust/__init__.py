"""Measuring how far people are trusted, badges, and votes that are not honest."""
