"""The models on offer, with versioned price and cost."""
