"""The right to work on a row: claimed by compare-and-set, held until a moment, fenced. Knows no model of its own."""
