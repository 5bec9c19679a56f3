"""A person's own data: taking it along, closing the account, erasing it."""
