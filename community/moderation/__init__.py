"""Reports, the queue they come to, what moderators decide, and how it is undone."""
