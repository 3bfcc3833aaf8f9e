"""What must be the same on every node, and making it so."""
