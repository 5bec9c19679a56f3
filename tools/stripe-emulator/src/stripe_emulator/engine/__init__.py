"""What happens by itself: cycles, prorations, payments, retries."""
