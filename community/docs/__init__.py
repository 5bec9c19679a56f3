"""Versioned documentation."""
