"""The forum over REST, beside its topics and posts, by subject."""
