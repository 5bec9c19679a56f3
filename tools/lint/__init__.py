"""What no linter off the shelf looks for: ``make lint`` runs each of these."""
