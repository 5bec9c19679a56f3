"""Pages of the playground: asking, and what becomes of chats."""
