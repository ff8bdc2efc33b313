"""Watches deployments through Prometheus and health endpoints, and rolls back the broken ones."""

__version__ = "0.1.0"
