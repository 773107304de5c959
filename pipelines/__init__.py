"""The stages put together: config-driven studies and the command line."""
