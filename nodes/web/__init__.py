"""What pages and REST of all packages share."""
