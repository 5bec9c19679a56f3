"""The forum's pages beside its lists and topics, by subject."""
