"""What was used, to the token."""
