"""People, organisations and how they sign in."""
