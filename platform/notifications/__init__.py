"""Messages in the product and by e-mail."""
