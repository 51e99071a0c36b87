"""The names that template.yml and s.yaml point at, and nothing else."""

import os

from contact_groups.compute.entry import Function

_function = Function(os.environ)
handler = _function.handler
initializer = _function.initializer
event_handler = _function.event_handler
