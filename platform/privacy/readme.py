from django.utils.translation import gettext


def readme(site_name: str) -> str:
    """Return what stands beside the data, in the reader's language."""
    lines = [
        gettext("Everything %(site_name)s keeps of you.") % {"site_name": site_name},
        gettext("Each file holds one kind of thing; each line is a JSON document."),
        gettext("Amounts that end in _nano are billionths of a US dollar."),
        gettext(
            "Passwords, keys and tokens are kept as digests only and are not here."
        ),
    ]
    return "\n\n".join(lines) + "\n"
