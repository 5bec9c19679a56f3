"""Python's garbage collector, in a process that answers requests."""

import gc

# New objects before the youngest are looked through. Python's own 700 are a few
# requests at once, none of which has ended: nothing would be found. So many are a
# megabyte or two.
YOUNG = 10_000
# How many such looks before the older are looked through as well: twice Python's own,
# since what a call leaves behind is found while it is young.
OLDER = (20, 20)


def freeze_loaded() -> None:
    """Leave what is loaded so far out of every later collection.

    Modules, models and addresses are some 200 000 objects that stay to the end. Each
    full collection went through them all, a pause of some 100 ms every few hundred
    calls to the gateway. Without it, and with fewer collections, a call costs about a
    quarter less.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, *OLDER)
