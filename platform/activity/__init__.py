"""First-party event log: what people did."""
