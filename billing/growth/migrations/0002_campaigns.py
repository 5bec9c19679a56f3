import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_second_factor_from_the_upgrade"),
        ("growth", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Enrolment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("entered_at", models.DateTimeField(default=core.clock.now)),
                ("step", models.PositiveSmallIntegerField(default=1)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(default=core.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_as",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("completed", "All steps were taken"),
                            ("converted", "The goal was reached"),
                            ("unsubscribed", "Wants no offers any more"),
                            ("left", "Left the segment"),
                            ("condition", "A condition was not met"),
                            ("excluded", "Staff, test people, closed accounts"),
                            ("stopped", "The campaign was stopped"),
                            ("dead", "A step failed again and again"),
                        ],
                        max_length=12,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="decision",
            name="surface",
            field=models.CharField(
                blank=True,
                choices=[
                    ("console", "Console"),
                    ("playground", "Playground"),
                    ("pricing", "Pricing page"),
                    ("checkout", "Review of an order"),
                    ("cancel", "Leaving a plan"),
                    ("gateway", "Refusals of the API"),
                    ("mail", "Mail"),
                ],
                db_default="",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="moment",
            field=models.CharField(
                choices=[
                    ("allowance_80", "80 % of the allowance used"),
                    ("premium_refused", "Premium model refused"),
                    ("limit_hit", "Allowance used up"),
                    ("third_answer", "Third answer accepted"),
                    ("contribution_merged", "Contribution merged"),
                    ("colleague", "Colleague of the same domain"),
                    ("pricing_twice", "Pricing read twice"),
                    ("trial_ending", "Trial ending"),
                    ("card_failing", "Payment failing"),
                    ("usage_falling", "Usage falling"),
                    ("leaving", "Leaving a plan"),
                    ("campaign", "A campaign's step is due"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="reason",
            field=models.CharField(
                choices=[
                    ("offered", "Offered"),
                    ("holdout", "In the permanent holdout"),
                    ("offer_holdout", "In the holdout of the offer"),
                    ("campaign_holdout", "In the holdout of the campaign"),
                    ("control", "In the control of an experiment"),
                    ("no_consent", "Wants no offers"),
                    ("excluded", "Staff, test people, closed accounts"),
                    ("cap", "Was offered enough lately"),
                    ("budget", "The budget is used up"),
                    ("no_offer", "No offer fits"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="moment",
            field=models.CharField(
                choices=[
                    ("allowance_80", "80 % of the allowance used"),
                    ("premium_refused", "Premium model refused"),
                    ("limit_hit", "Allowance used up"),
                    ("third_answer", "Third answer accepted"),
                    ("contribution_merged", "Contribution merged"),
                    ("colleague", "Colleague of the same domain"),
                    ("pricing_twice", "Pricing read twice"),
                    ("trial_ending", "Trial ending"),
                    ("card_failing", "Payment failing"),
                    ("usage_falling", "Usage falling"),
                    ("leaving", "Leaving a plan"),
                    ("campaign", "A campaign's step is due"),
                ],
                max_length=30,
                verbose_name="moment",
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="moment",
            field=models.CharField(
                choices=[
                    ("allowance_80", "80 % of the allowance used"),
                    ("premium_refused", "Premium model refused"),
                    ("limit_hit", "Allowance used up"),
                    ("third_answer", "Third answer accepted"),
                    ("contribution_merged", "Contribution merged"),
                    ("colleague", "Colleague of the same domain"),
                    ("pricing_twice", "Pricing read twice"),
                    ("trial_ending", "Trial ending"),
                    ("card_failing", "Payment failing"),
                    ("usage_falling", "Usage falling"),
                    ("leaving", "Leaving a plan"),
                    ("campaign", "A campaign's step is due"),
                ],
                max_length=30,
            ),
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "key",
                    models.SlugField(
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z][a-z0-9_]*$", "Small letters, digits and _."
                            )
                        ],
                        verbose_name="name for programs",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        max_length=300, verbose_name="what is expected, and why"
                    ),
                ),
                (
                    "moment",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("allowance_80", "80 % of the allowance used"),
                            ("premium_refused", "Premium model refused"),
                            ("limit_hit", "Allowance used up"),
                            ("third_answer", "Third answer accepted"),
                            ("contribution_merged", "Contribution merged"),
                            ("colleague", "Colleague of the same domain"),
                            ("pricing_twice", "Pricing read twice"),
                            ("trial_ending", "Trial ending"),
                            ("card_failing", "Payment failing"),
                            ("usage_falling", "Usage falling"),
                            ("leaving", "Leaving a plan"),
                            ("campaign", "A campaign's step is due"),
                        ],
                        max_length=30,
                        verbose_name="moment",
                    ),
                ),
                ("segment_name", models.CharField(blank=True, max_length=80)),
                ("segment_query", models.TextField(blank=True)),
                (
                    "goal",
                    models.CharField(
                        choices=[
                            ("payment", "The first payment"),
                            ("acceptance", "An offer of it is accepted"),
                        ],
                        default="payment",
                        max_length=12,
                        verbose_name="it is over for whom",
                    ),
                ),
                (
                    "holdout_percent",
                    models.PositiveSmallIntegerField(
                        default=20,
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(50),
                        ],
                        verbose_name="percent kept out, to compare with",
                    ),
                ),
                (
                    "starts_on",
                    models.DateField(blank=True, null=True, verbose_name="first day"),
                ),
                (
                    "ends_on",
                    models.DateField(blank=True, null=True, verbose_name="last day"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("running", "Running"),
                            ("stopped", "Stopped"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("moment", ""), _negated=True),
                            models.Q(("segment_query", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="growth_campaign_audience",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("holdout_percent__gte", 5), ("holdout_percent__lte", 50)
                        ),
                        name="growth_campaign_holdout",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_on", None),
                            ("ends_on", None),
                            ("ends_on__gte", models.F("starts_on")),
                            _connector="OR",
                        ),
                        name="growth_campaign_dates",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("started_at", None), ("state", "draft")),
                            models.Q(
                                models.Q(("state", "draft"), _negated=True),
                                ("started_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="growth_campaign_started",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "stopped"), ("stopped_at__isnull", False)
                            ),
                            models.Q(
                                models.Q(("state", "stopped"), _negated=True),
                                ("stopped_at", None),
                            ),
                            _connector="OR",
                        ),
                        name="growth_campaign_stopped",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("paused_at", None), ("state", "running"), _connector="OR"
                        ),
                        name="growth_campaign_paused",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CampaignStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("rank", models.PositiveSmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("wait", "Wait"),
                            ("offer", "Offer"),
                            ("condition", "Go on only if"),
                        ],
                        max_length=10,
                    ),
                ),
                ("hours", models.PositiveSmallIntegerField(default=0)),
                (
                    "surface",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("console", "Console"),
                            ("playground", "Playground"),
                            ("pricing", "Pricing page"),
                            ("checkout", "Review of an order"),
                            ("cancel", "Leaving a plan"),
                            ("gateway", "Refusals of the API"),
                            ("mail", "Mail"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "condition",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("seen", "the last offer was seen"),
                            ("unseen", "the last offer was not seen"),
                            ("unaccepted", "no offer of it was accepted"),
                            ("used", "models were called since it began"),
                            ("unused", "no model was called since it began"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="growth.campaign",
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="growth.offer",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="decision",
            name="step",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="growth.campaignstep",
            ),
        ),
        migrations.AddField(
            model_name="enrolment",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="enrolments",
                to="growth.campaign",
            ),
        ),
        migrations.AddField(
            model_name="enrolment",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.AddField(
            model_name="enrolment",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignstep",
            constraint=models.UniqueConstraint(
                fields=("campaign", "rank"), name="growth_campaignstep_rank"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("condition", ""),
                        ("hours__gte", 1),
                        ("kind", "wait"),
                        ("offer", None),
                    ),
                    models.Q(
                        ("condition", ""),
                        ("hours", 0),
                        ("kind", "offer"),
                        ("offer__isnull", False),
                    ),
                    models.Q(
                        ("hours", 0),
                        ("kind", "condition"),
                        ("offer", None),
                        models.Q(("condition", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="growth_campaignstep_complete",
            ),
        ),
        migrations.AddIndex(
            model_name="enrolment",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["next_at"],
                name="growth_enrolment_due",
            ),
        ),
        migrations.AddIndex(
            model_name="enrolment",
            index=models.Index(
                fields=["campaign", "ended_as"], name="growth_enrolment_ends"
            ),
        ),
        migrations.AddConstraint(
            model_name="enrolment",
            constraint=models.UniqueConstraint(
                fields=("campaign", "organisation"), name="growth_enrolment_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="enrolment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_as", ""), ("ended_at", None)),
                    models.Q(
                        ("ended_at__isnull", False),
                        models.Q(("ended_as", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="growth_enrolment_ended",
            ),
        ),
    ]
