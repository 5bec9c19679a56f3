"""Pages of growth: what people see of an offer, and what staff do with them."""
