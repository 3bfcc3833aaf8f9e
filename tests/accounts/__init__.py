"""Tests of accounts and of what every face shares."""
