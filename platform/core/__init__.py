"""Small shared helpers without tables: errors, money, ids, pages, limits."""
