"""Questions over the event log, answered from a read side that may be deleted."""
