"""What pages and REST of all packages share: the registry of tabs, settings sections and links."""
