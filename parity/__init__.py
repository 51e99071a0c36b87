"""What is assumed of the real cloud, as questions to it: `python -m parity` (parity/README.md)."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT / "function") not in sys.path:
    sys.path.insert(0, str(ROOT / "function"))  # contact_groups is imported from there
