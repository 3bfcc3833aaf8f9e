"""What is replicated, and what was found and overwritten on the way."""
