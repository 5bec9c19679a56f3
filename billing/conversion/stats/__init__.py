"""The statistics of conversion: pure functions on plain numbers."""
