"""Which deployment runs a request, and whose fault it is when one fails."""
