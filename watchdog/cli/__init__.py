"""The command line: one file a command or two. Nothing heavy is imported before it is used."""
