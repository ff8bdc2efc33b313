"""Leases: which one of several watchdogs may act."""
