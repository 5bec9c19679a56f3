"""Calls and failures, found again by id and by what they have in common."""
