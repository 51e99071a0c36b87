"""The signed call to CloudMonitor 2019-01-01, and what each of its answers means."""
