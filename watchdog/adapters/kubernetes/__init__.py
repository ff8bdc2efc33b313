"""What everything that looks at a Kubernetes cluster, or changes it, has in common."""
