"""What the pages of shared paths show."""
