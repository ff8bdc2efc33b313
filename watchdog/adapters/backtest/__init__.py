"""The past of a Prometheus: loaded once, kept in a file, and made into verdicts by numpy."""
