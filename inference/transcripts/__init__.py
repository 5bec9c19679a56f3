"""What calls said and were answered, where an organisation chose to have it kept."""
