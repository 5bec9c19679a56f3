import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inference.catalog.models import NAME_LENGTH


class UsageEvent(models.Model):
    """One call that was admitted, answered or not. Written once, never changed.

    Money in billionths of a dollar, at the price version chosen on admission. Where
    nothing was delivered there are no tokens and no price; what the try cost us is
    noted all the same. Content is not kept.
    """

    class Status(models.TextChoices):
        OK = "ok", _("OK")
        CLIENT_ABORT = "client_abort", _("Client left")
        FAILED_MID_STREAM = "failed_mid_stream", _("Broke off")
        UPSTREAM_ERROR = "upstream_error", _("Model failed")
        TIMED_OUT = "timed_out", _("Timed out")
        REFUSED = "refused", _("Refused by the model")
        SWEPT = "swept", _("Recovered")

    request_id = models.CharField(max_length=64, primary_key=True)
    occurred_at = models.DateTimeField()
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    key = models.ForeignKey(
        "keys.ApiKey", on_delete=models.PROTECT, null=True, related_name="+"
    )
    model = models.CharField(max_length=NAME_LENGTH)
    edition = models.CharField(max_length=10)
    price_version_id = models.BigIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices)
    is_stream = models.BooleanField()
    # Counted by us, because the upstream did not say.
    is_estimated = models.BooleanField(default=False)
    tokens_in = models.IntegerField()
    tokens_cached = models.IntegerField(default=0)
    tokens_out = models.IntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()
    first_byte_ms = models.IntegerField(null=True)
    total_ms = models.IntegerField()
    client_request_id = models.CharField(max_length=64, blank=True)
    # The code of the error the caller was given. A gateway of the release before, which
    # does not write it, may still run.
    error_code = models.CharField(max_length=40, blank=True, db_default="")
    # Where the last attempt ran, how many there were and what the last one that failed
    # was answered with. A deployment's row may be gone: models are published anew.
    deployment_id = models.BigIntegerField(null=True, blank=True)
    attempts = models.SmallIntegerField(db_default=0)
    # The model that answered in the place of the one that was asked, and paid for.
    answered_by = models.CharField(max_length=NAME_LENGTH, blank=True, db_default="")
    upstream_status = models.SmallIntegerField(null=True, blank=True)
    # Tokens that have a price of their own, by ``catalog.pricing.PARTS``.
    parts = models.JSONField(null=True, blank=True)
    # Why the count is a guess, for staff.
    doubt = models.CharField(max_length=200, blank=True, db_default="")
    # What was reserved, which the price stays within but for one tolerance.
    held_nano = models.BigIntegerField(db_default=0)
    # Of an answer that was given before: what that one was sold for, and this is not.
    # Null where a model was asked.
    saved_nano = models.BigIntegerField(null=True, blank=True)
    # By which price list of the organisation it was sold, and what that took off the
    # price version's rates, in hundredths of a percent.
    price_list_id = models.BigIntegerField(null=True, blank=True)
    discount_bps = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["organisation", "-occurred_at", "-request_id"],
                name="usage_event_organisation",
            ),
            # Rows come in the order of time: a few kilobytes find everybody's of a day.
            BrinIndex(
                fields=["occurred_at"], name="usage_event_time", autosummarize=True
            ),
            # What staff look through: counts that are guesses are few.
            models.Index(
                fields=["-occurred_at"],
                condition=~Q(doubt=""),
                name="usage_event_doubtful",
            ),
            # What an organisation's cache saved.
            models.Index(
                fields=["organisation", "-occurred_at"],
                condition=Q(saved_nano__isnull=False),
                name="usage_event_saved",
            ),
        ]

    def __str__(self) -> str:
        return self.request_id


class UsageCorrection(models.Model):
    """What was found out later about a call: an entry beside it, never a change of it.

    Differences to the call and the entries before, either sign. The hour and the month
    of the call hold their sum.
    """

    event = models.ForeignKey(
        UsageEvent, on_delete=models.PROTECT, related_name="corrections"
    )
    made_at = models.DateTimeField(auto_now_add=True)
    # Who made it; empty where a comparison with the upstream did.
    made_by_id = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=200)
    tokens_in = models.IntegerField()
    tokens_cached = models.IntegerField()
    tokens_out = models.IntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.price_nano:+}"


class UpstreamSum(models.Model):
    """What a model's server said it had read and written, and what we had since then.

    The counters are as they were read; the tokens are what they grew by since the
    reading before, ``None`` at the first and where the server began anew.
    """

    deployment_id = models.BigIntegerField()
    read_at = models.DateTimeField()
    counter_in = models.BigIntegerField()
    counter_out = models.BigIntegerField()
    tokens_in = models.BigIntegerField(null=True)
    tokens_out = models.BigIntegerField(null=True)
    own_in = models.BigIntegerField()
    own_out = models.BigIntegerField()
    is_off = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["deployment_id", "-id"], name="usage_upstreamsum_last")
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} at {self.read_at:%Y-%m-%d %H:%M}"


class UsageHour(models.Model):
    """What one key used of one model in one hour: its events, and their corrections."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    key = models.ForeignKey(
        "keys.ApiKey", on_delete=models.PROTECT, null=True, related_name="+"
    )
    model = models.CharField(max_length=NAME_LENGTH)
    edition = models.CharField(max_length=10)
    hour = models.DateTimeField()
    requests = models.IntegerField()
    failures = models.IntegerField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()
    is_reported = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "model", "hour", "key"],
                nulls_distinct=False,
                name="usage_hour_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["hour"],
                condition=Q(is_reported=False),
                name="usage_hour_unreported",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.model} {self.hour:%Y-%m-%d %H}"


class UsageReport(models.Model):
    """What the rest of the product has been told of one hour."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    model = models.CharField(max_length=NAME_LENGTH)
    hour = models.DateTimeField()
    revision = models.IntegerField()
    requests = models.IntegerField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "model", "hour"], name="usage_report_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.model} r{self.revision}"


class OrganisationMonth(models.Model):
    """What an organisation has used in a calendar month (UTC): the durable quota."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    month = models.DateField()
    requests = models.BigIntegerField()
    price_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "month"], name="usage_month_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.month:%Y-%m}"


class FirstCall(models.Model):
    """A person's first successful call for an organisation, told to others or not.

    The person is who made the key, noted when the call was written, so that a key or
    a person who goes takes no call along. Nobody, where they were gone by then.
    """

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    user_id = models.BigIntegerField(null=True)
    key_id = models.BigIntegerField(null=True)
    model = models.CharField(max_length=NAME_LENGTH)
    at = models.DateTimeField()
    is_announced = models.BooleanField(default=False)

    class Meta:
        # Gateways of the release before still write usage_firstcall, which had one
        # row for an organisation.
        db_table = "usage_personal_first_call"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "user_id"],
                nulls_distinct=False,
                name="usage_firstcall_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(is_announced=False),
                name="usage_firstcall_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} at {self.at:%Y-%m-%d %H:%M}"
