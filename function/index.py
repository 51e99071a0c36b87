"""The names that template.yml and s.yaml point at."""

import gc as _gc
import os as _os

# Imports make no garbage. Collecting it during the imports takes 5 ms of a cold start of 170 ms.
_gc.disable()
from contact_groups.function import Function as _Function  # noqa: E402 - see above

_gc.enable()
_function = _Function(_os.environ)
handler = _function.handler
initializer = _function.initializer
event_handler = _function.event_handler
