"""Console pages of shared paths and routing."""
