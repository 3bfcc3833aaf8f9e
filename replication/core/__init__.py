"""Pure: values in, values out. No framework, no wire, no clock."""
