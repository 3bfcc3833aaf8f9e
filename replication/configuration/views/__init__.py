"""Pages of the replicated configuration."""
