"""REST resources of this room: tokens, users, events."""
