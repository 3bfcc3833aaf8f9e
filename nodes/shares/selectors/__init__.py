"""What pages and jobs ask of shared paths."""
