"""A Stripe-compatible service for bare machines, demos and tests: no money moves."""
