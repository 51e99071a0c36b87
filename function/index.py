"""The names that template.yml and s.yaml point at, and nothing else."""

import os as _os

from contact_groups.compute.entry import Function as _Function

_function = _Function(_os.environ)
handler = _function.handler
initializer = _function.initializer
event_handler = _function.event_handler
