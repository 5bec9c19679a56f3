"""Answers that are given again to identical requests, where a key chose it."""
