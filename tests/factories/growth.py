"""Experiments and leads as small as they can be."""

from django.utils import timezone

from accounts.models import Organisation
from billing.growth.catalogue import ensure_default_offers, renew_revision
from billing.growth.leads import due_after
from billing.growth.models import Experiment, Lead, Offer, Variant
from billing.growth.moments import Moment


def keep_nobody_out() -> None:
    """Have no offer keep a share of everybody out for comparison."""
    ensure_default_offers()
    Offer.objects.update(holdout_percent=0)
    renew_revision()


def experiment_of(offer: str, key: str = "words") -> Experiment:
    """Return the draft of an experiment that compares a default offer with nothing."""
    ensure_default_offers()
    experiment = Experiment.objects.create(
        key=key,
        moment=Moment.COLLEAGUE,
        hypothesis="People who are asked answer.",
        smallest=0.05,
        planned=100,
    )
    Variant.objects.create(experiment=experiment, name="control")
    Variant.objects.create(
        experiment=experiment, name="a", offer=Offer.objects.get(key=offer)
    )
    return experiment


def lead_of(organisation: Organisation) -> Lead:
    """Return an open lead that a score has opened."""
    now = timezone.now()
    return Lead.objects.create(
        origin=Lead.Origin.SCORE, organisation=organisation, due_at=due_after(now)
    )
