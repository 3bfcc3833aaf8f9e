"""Pure: no Django, no network, no clock."""
