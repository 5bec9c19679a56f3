"""Models in the browser."""
