"""Whether secondaries still hold what was proven on them: looks at them, and changes nothing there."""
