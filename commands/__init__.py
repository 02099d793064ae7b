"""The commands of the command line: a file for each group, with its parser, its work and its drawing."""
