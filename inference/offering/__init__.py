"""What staff do about the models on offer, in the browser."""
