#!/usr/bin/env python
"""Django's command line, with the platform's source root on the path."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "platform"))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # It lists every problem; a traceback would bury them.
        sys.exit(str(error))
    except Exception as error:
        from config.outages import sentence_for

        sentence = None if "--traceback" in sys.argv else sentence_for(error)
        if sentence is None:
            raise
        sys.exit(sentence)


if __name__ == "__main__":
    main()
