"""Forms about shared paths and routing."""
