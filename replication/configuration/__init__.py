"""What is replicated: the primary's configuration, on every secondary."""
