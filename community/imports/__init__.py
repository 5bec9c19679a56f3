"""What people wrote in another forum, brought here with everything it had."""
