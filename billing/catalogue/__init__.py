"""Where staff make plans, and publish what they cost."""
