"""Reads what people write in files and in the environment, and says exactly what is wrong."""
