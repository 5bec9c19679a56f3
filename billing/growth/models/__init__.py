"""What growth keeps."""

from billing.growth.models.campaigns import Campaign, CampaignStep, Enrolment
from billing.growth.models.decisions import Cost, Decision, Exposure
from billing.growth.models.experiments import Experiment, Variant
from billing.growth.models.leads import Lead, LeadNote, LeadScore
from billing.growth.models.noted import AcceptedAnswer, CompanyDomain
from billing.growth.models.offers import Catalogue, Offer, Policy, PolicyOffer
from billing.growth.models.scores import ScoreJudgement, ScoreModel
from billing.growth.models.stops import OfferStop

__all__ = [
    "AcceptedAnswer",
    "Campaign",
    "CampaignStep",
    "Catalogue",
    "CompanyDomain",
    "Cost",
    "Decision",
    "Enrolment",
    "Experiment",
    "Exposure",
    "Lead",
    "LeadNote",
    "LeadScore",
    "Offer",
    "OfferStop",
    "Policy",
    "PolicyOffer",
    "ScoreJudgement",
    "ScoreModel",
    "Variant",
]
