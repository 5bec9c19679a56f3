"""Questions, discussions and their answers."""
