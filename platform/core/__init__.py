"""Small shared values: errors, money, ids, names, texts from outside."""
