"""Staff look after what runs: circuits, poisonous requests, where a call would go."""
