"""What an organisation may do now."""
