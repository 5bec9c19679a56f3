"""Messages between a few people, which nobody else reads."""
