"""Keys, plans and models as one process knows them, without asking each time."""
