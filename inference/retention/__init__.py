"""Something of calls is kept for some days, where an organisation chose it."""
