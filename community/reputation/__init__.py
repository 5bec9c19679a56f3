"""Points people earn, as a public ledger."""
