"""The environments in which ``make clients`` runs other makers' clients."""
