"""Estimates of effects: plain functions on plain numbers."""
