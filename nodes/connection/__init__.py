"""From a row to an open session."""
