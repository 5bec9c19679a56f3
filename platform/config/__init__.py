"""Settings, URLs and entry points: the only place that knows every app."""

import os
import sys
from pathlib import Path

PLATFORM_DIR = Path(__file__).resolve().parents[1]
ROOT_DIR = PLATFORM_DIR.parent

# Read when numpy is loaded, which every app may do; so it is said before any of them.
# A worker of concurrency N would run N × cores threads, which wait for each other.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# Servers and workers are started in many ways; each finds both source roots.
for source_root in (str(PLATFORM_DIR), str(ROOT_DIR)):
    if source_root not in sys.path:
        sys.path.append(source_root)

# Every process that can publish needs the application, not only workers: without
# it a task is sent to a broker nobody listens on.
from config.celery import app as celery_app  # noqa: E402

__all__ = ["PLATFORM_DIR", "ROOT_DIR", "celery_app"]
