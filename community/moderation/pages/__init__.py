"""The pages of moderation, by subject."""
