"""The search of networks for mail servers."""
