"""The program's own face: read-only pages, and the socket that takes commands."""
