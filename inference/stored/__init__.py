"""Responses that an organisation chose to have kept, for some days."""
