"""What no linter off the shelf looks for; ``make lint`` runs all of it.

python -m tools.lint      say what is wrong; exit 1 on anything
"""
