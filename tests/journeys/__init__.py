"""Whole stories: real OpenSSH nodes, Redis, workers and the portal, driven through REST as by an operator."""
