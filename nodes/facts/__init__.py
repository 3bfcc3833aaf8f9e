"""What is read from a node."""
