from entitlements.features import FREE, Features
from entitlements.models import OrganisationEntitlement


def entitlements_for(organisation_id: int) -> Features:
    """Return what the organisation may do now; without a row that is ``FREE``."""
    row = OrganisationEntitlement.objects.filter(pk=organisation_id).first()
    return Features.from_dict(row.features) if row else FREE
