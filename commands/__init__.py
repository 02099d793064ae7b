"""The commands of the command line: a file for each, with its arguments, what it prints, and its exit code."""
