"""``python -m tools.lint``: every check of the house, in one process.

python -m tools.lint pages "dead code"     only these
"""

import os
import sys
from collections.abc import Callable, Iterator


def checks() -> dict[str, Callable[[], Iterator[str]]]:
    """Return the checks by what they look at."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    django.setup()
    from tools import drawing
    from tools.lint import (
        addresses,
        dead_code,
        numbers,
        packages,
        pages,
        parameters,
        private_parts,
        sign_in,
        stylesheets,
        words,
    )

    return {
        "stylesheets": stylesheets.complaints,
        "packages": packages.complaints,
        "dead code": dead_code.complaints,
        "pages": pages.complaints,
        "addresses": addresses.complaints,
        "parameters": parameters.complaints,
        "numbers": numbers.complaints,
        "private parts": private_parts.complaints,
        "sign-in": sign_in.complaints,
        "words": words.complaints,
        "drawing": drawing.complaints,
    }


def main(asked: list[str]) -> int:
    """Print what is found, by check. Raises ``KeyError`` for one that is not there."""
    known = checks()
    is_clean = True
    for name in asked or known:
        found = list(known[name]())
        is_clean &= not found
        print("\n".join([*found, f"{name}: {len(found) or 'no'} complaints"]))
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
