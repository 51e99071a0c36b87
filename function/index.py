"""The names that template.yml and s.yaml point at, and nothing else."""

from contact_groups.compute.entry import handler, initializer

__all__ = ["handler", "initializer"]
