"""How the work of a job can end, other than well or with an error."""


class Ignored(Exception):
    """There is nothing to do; the words say why, for staff to read."""


class Hopeless(Exception):
    """Trying again cannot help: the job is dead at once."""


class NotNow(Exception):
    """What the job needs is away: it is not to blame, waits, and is never given up."""
