"""Measures what the documentation promises, on the machine it runs on."""
