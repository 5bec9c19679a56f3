"""What a caller's plan and keys allow: in Redis, and without it."""
