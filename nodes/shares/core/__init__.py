"""What shared folders are, as values: pure."""
