"""Unmodified clients against a gateway: ``make clients``."""
