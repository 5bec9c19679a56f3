"""Settings, URLs and entry points: the only place that knows every app."""

import sys
from pathlib import Path

PLATFORM_DIR = Path(__file__).resolve().parents[1]
ROOT_DIR = PLATFORM_DIR.parent

# Servers and workers are started in many ways; each finds both source roots.
for source_root in (str(PLATFORM_DIR), str(ROOT_DIR)):
    if source_root not in sys.path:
        sys.path.append(source_root)
