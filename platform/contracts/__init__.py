"""Facts the areas tell each other: frozen, past tense, ids and plain values.

``actor`` names the field that holds the user who did it, where there is one.
Fields are only ever added, with a default.
"""
