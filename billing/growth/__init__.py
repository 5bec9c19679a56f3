"""What may be offered to whom, and what came of it."""
