"""``docs/operations.md`` followed to the letter, on servers of its own.

    make first-day                                   # a Debian machine, as root
    make first-day ARGS="--environment .venv"        # without installing packages again

Every fenced block of the guide is run as it stands, in one root shell, or written to
the file it names. ``guide.STAND_INS`` says what is put in place of what, and
``guide.LEFT_OUT`` which blocks are not run, and why.
"""
