"""Who brought whom, and what both are given for it."""
