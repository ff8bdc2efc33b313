"""Where the journal is kept: one product a file."""
