"""Budgets: what an organisation, a project, a key or a member may use in a month."""
