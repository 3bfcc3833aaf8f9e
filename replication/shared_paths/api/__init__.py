"""REST of shared paths and routing."""
