"""Which ini keys are a node's own."""
