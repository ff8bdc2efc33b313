"""Doubles and contracts, for our tests and for plugin authors'."""
