"""Running the product: is everything there, and what does its API offer."""
