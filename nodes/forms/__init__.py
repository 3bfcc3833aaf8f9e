"""Forms of the console. They shape what a person typed; the services decide whether it is right."""
