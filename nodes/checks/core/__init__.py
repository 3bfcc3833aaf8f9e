"""Pure verdicts over readings: no framework, no wire, no database."""
