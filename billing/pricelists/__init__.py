"""Price lists of one buyer: what models cost an organisation less, and until when."""
