"""Plans, their versions, prices and features."""
