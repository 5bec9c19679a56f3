"""What was paid and what it cost."""
