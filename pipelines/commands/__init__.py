"""The command line: one file a command, and the tables and progress of the terminal."""
