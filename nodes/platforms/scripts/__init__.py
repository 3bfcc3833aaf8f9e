"""The scripts that Windows nodes are given: text files beside this one, for PowerShell 5.1."""
