"""Studies: from a config to models, estimates and files; ``chain`` shows the whole of it."""
