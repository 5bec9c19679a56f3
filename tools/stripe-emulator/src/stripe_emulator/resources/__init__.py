"""One module per kind of object: what each API call does."""
