"""Whole stories: real OpenSSH nodes, Redis, workers and the portal, driven through the REST API as an operator would."""
