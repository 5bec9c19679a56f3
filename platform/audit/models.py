import pgtrigger
from django.db import models
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Organisation, User
from audit.words import words_of

# What a target of one kind is called; ``name`` is what stands behind its colon.
TARGETS = {
    "user": gettext_lazy("member %(name)s"),
    "invitation": gettext_lazy("invitation %(name)s"),
    "revision": gettext_lazy("change %(name)s of the plan"),
    "token": gettext_lazy("access token %(name)s"),
    "topic": gettext_lazy("topic %(name)s"),
    "post": gettext_lazy("post %(name)s"),
    "comment": gettext_lazy("comment %(name)s"),
    "case": gettext_lazy("case %(name)s"),
    "act": gettext_lazy("act %(name)s"),
    "github": gettext_lazy("GitHub delivery %(name)s"),
}


class Record(models.Model):
    """One action of staff or one that touches security; never changed.

    ``digest`` covers the record and the digest before it, so that a change,
    a removal or a reordering shows.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    actor = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+"
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, related_name="+"
    )
    target = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organisation", "-id"], name="audit_record_organisation"
            ),
            models.Index(
                fields=["organisation", "-at", "-id"],
                name="audit_record_organisation_at",
            ),
            models.Index(fields=["-at", "-id"], name="audit_record_at"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_id}"

    @property
    def action_name(self) -> str:
        """What was done, in words; ``action`` stays for programs."""
        return words_of(self.action)

    @property
    def target_name(self) -> str:
        """What the action was done to, in words; ``target`` stays for programs."""
        kind, colon, name = self.target.partition(":")
        if colon and kind in TARGETS:
            return str(TARGETS[kind]) % {"name": name}
        if colon and self.action.startswith("admin."):
            return gettext("%(kind)s, record %(name)s") % {"kind": kind, "name": name}
        return self.target

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Each value that was changed, as ``before → after``."""
        before, after = self.before or {}, self.after or {}
        return [
            (
                name,
                f"{before[name]} → {after.get(name, '–')}"
                if name in before
                else str(after[name]),
            )
            for name in dict.fromkeys([*before, *after])
        ]
