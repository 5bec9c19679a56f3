"""Append-only record of staff and security actions."""
