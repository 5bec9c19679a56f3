"""The models on offer, as staff look after them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import (
    has_signed_in_recently,
    recent_sign_in_required,
    staff_required,
)
from accounts.types import AuthenticatedHttpRequest
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from inference.catalog.alarms import refusals
from inference.catalog.models import SERVED_HERE, Deployment, Model, PriceVersion
from inference.catalog.queries import with_current_prices
from inference.offering import services
from inference.offering.forms import (
    DeploymentForm,
    ModelForm,
    RatesForm,
    ServerForm,
    own_rates,
    refuse,
)
from inference.offering.queries import DAYS, Sales, sales_of
from inference.providers import findings
from inference.providers.compatibility import Incompatible

# A price a week for a year.
PRICES_SHOWN = 52


def recent_sign_in_first(view: Callable[..., HttpResponse]) -> Callable[..., Any]:
    """Ask for a recent sign-in before the form is shown, never after it was sent.

    What is sent before a confirmation waits in the session for it: a server's key
    must not.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if has_signed_in_recently(request):
            return view(request, *args, **kwargs)
        if request.method in {"GET", "HEAD"}:
            raise ReauthenticationRequired
        messages.info(
            request, _("Confirm that it is you, then send the form again with the key.")
        )
        return redirect(request.get_full_path())

    return wrapped


@require_safe
@staff_required
def model_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every model, draft or retired ones too, with what it sold and cost."""
    asked = Values(request.GET)
    status = asked.choice("status", Model.Status.values)
    text = asked.text("q")
    models = with_current_prices(Model.objects.prefetch_related("deployments"))
    if status:
        models = models.filter(status=status)
    if text:
        models = models.filter(Q(slug__icontains=text) | Q(title__icontains=text))
    page = paginate(models, order_by=("slug",), cursor=cursor_of(request))
    sales = sales_of(model.slug for model in page.items)
    context = {
        "page": page,
        "lines": [
            {"model": model, "sales": sales.get(model.slug, Sales())}
            for model in page.items
        ],
        "statuses": Model.Status.choices,
        "status": status,
        "q": text,
        "query": request.GET.urlencode() if text or status else "",
        "days": DAYS,
    }
    return render(request, "offering/model_list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_first
def model_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Try a server's model and write it as a draft."""
    form = ServerForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            model = services.create_model(**form.values(), by=request.user)
        except (DomainError, Incompatible) as no:
            _refuse(form, no)
        else:
            drafting.accept(request)
            messages.success(
                request,
                _("“%(name)s” works and is a draft. Look it over, then publish it.")
                % {"name": model.slug},
            )
            return redirect("offering:model-detail", pk=model.pk)
    return _form(request, form, "offering/model_create.html", {})


@require_safe
@staff_required
def model_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One model: where it runs, what it costs and what it brought."""
    places = Deployment.objects.select_related("card").order_by("priority", "pk")
    model = get_object_or_404(
        with_current_prices(Model.objects.all()).prefetch_related(
            Prefetch("deployments", queryset=places)
        ),
        pk=pk,
    )
    deployments = list(model.deployments.all())
    alarms = refusals(place.pk for place in deployments)
    current = next(iter(getattr(model, "current", ())), None)
    context = {
        "model": model,
        "places": [_place(place, alarms.get(place.pk)) for place in deployments],
        "prices": [
            (version, own_rates(version))
            for version in model.prices.order_by("-valid_from")[:PRICES_SHOWN]
        ],
        "current": current,
        "sales": sales_of([model.slug]).get(model.slug, Sales()),
        "days": DAYS,
        "can_publish": model.status != Model.Status.ACTIVE
        and current is not None
        and any(place.is_enabled for place in deployments),
    }
    return render(request, "offering/model_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def model_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Change what is said of a model."""
    model = get_object_or_404(Model, pk=pk)
    form = ModelForm(_sent(request), instance=model)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_model(model, form.cleaned_data, by=request.user)
        except DomainError as no:
            _refuse(form, no)
        else:
            return _done(request, model, _("The changes are in force."))
    return _form(request, form, "offering/model_edit.html", {"model": model})


@require_POST
@staff_required
@recent_sign_in_required
def model_publish(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Put a model on the list."""
    model = get_object_or_404(Model, pk=pk)
    try:
        services.publish_model(model, by=request.user)
    except DomainError as no:
        messages.error(request, str(no))
        return redirect("offering:model-detail", pk=pk)
    return _done(request, model, _("“%(name)s” is on the list.") % {"name": model.slug})


@require_POST
@staff_required
@recent_sign_in_required
def model_retire(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a model off the list."""
    model = get_object_or_404(Model, pk=pk)
    services.retire_model(model, by=request.user)
    done = _(
        "“%(name)s” is off the list. Its addresses and keys are gone; its prices and "
        "what was used stay."
    )
    return _done(request, model, done % {"name": model.slug})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_first
def deployment_create(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Give a model one more place that runs it."""
    model = get_object_or_404(Model, pk=pk)
    form = DeploymentForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            services.add_deployment(
                model,
                {"provider": Deployment.Provider.OPENAI, **form.values()},
                secret=form.new_secret() or "",
                by=request.user,
            )
        except DomainError as no:
            _refuse(form, no)
        else:
            return _done(request, model, _("The deployment is added. Test it now."))
    return _form(request, form, "offering/deployment_edit.html", {"model": model})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_first
def deployment_edit(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Change a deployment: its address, its key, how it is called."""
    row = _deployment(place)
    form = DeploymentForm(_sent(request), instance=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_deployment(
                row, form.values(), secret=form.new_secret(), by=request.user
            )
        except DomainError as no:
            _refuse(form, no)
        else:
            return _done(request, row.model, _("The changes are in force."))
    context = {"model": row.model, "place": row, "is_served_here": _is_ours(row)}
    return _form(request, form, "offering/deployment_edit.html", context)


@require_POST
@staff_required
def deployment_test(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Try a deployment and keep what it can do."""
    row = _deployment(place)
    if row.provider != Deployment.Provider.OPENAI:
        messages.info(request, _("It runs in this product: there is nothing to test."))
        return redirect("offering:model-detail", pk=row.model_id)
    card = services.examine_deployment(row, by=request.user)
    if card.error:
        messages.error(request, _("The test failed: %(why)s") % {"why": card.error})
    else:
        messages.success(request, _("It was tested; the card says what it can do."))
    return redirect(f"{_address(row.model)}#deployment-{row.pk}")


@require_POST
@staff_required
@recent_sign_in_required
def deployment_remove(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Take a deployment and its key away."""
    row = _deployment(place)
    services.remove_deployment(row, by=request.user)
    return _done(request, row.model, _("The deployment and its key are gone."))


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def price_create(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Set a price, from now on or from a moment to come."""
    model = get_object_or_404(Model, pk=pk)
    current = model.prices.order_by("-valid_from").first()
    form = RatesForm(_sent(request), current=current)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_price(
                model,
                form.rates(),
                valid_from=form.cleaned_data["valid_from"],
                by=request.user,
            )
        except DomainError as no:
            refuse(form, "valid_from", no)
        else:
            return _done(request, model, _("The price is set."))
    return _form(request, form, "offering/price_create.html", {"model": model})


@require_POST
@staff_required
@recent_sign_in_required
def price_withdraw(request: AuthenticatedHttpRequest, price: int) -> HttpResponse:
    """Take back a price that has not begun."""
    row = get_object_or_404(PriceVersion.objects.select_related("model"), pk=price)
    try:
        services.remove_price(row, by=request.user)
    except DomainError as no:
        messages.error(request, str(no))
        return redirect("offering:model-detail", pk=row.model_id)
    return _done(request, row.model, _("The price is withdrawn."))


def _deployment(pk: int) -> Deployment:
    return get_object_or_404(Deployment.objects.select_related("model"), pk=pk)


def _is_ours(place: Deployment) -> bool:
    return bool(SERVED_HERE.items() <= place.options.items())


def _place(place: Deployment, refused: int | None) -> dict[str, Any]:
    """Return a deployment as its model's page shows it."""
    card = getattr(place, "card", None)
    return {
        "row": place,
        "card": card,
        "findings": findings.read(card.findings) if card else [],
        "refused": refused,
        "is_served_here": _is_ours(place),
        "can_test": place.provider == Deployment.Provider.OPENAI,
    }


def _refuse(form: Any, no: DomainError | Incompatible) -> None:
    field = no.details.get("field") if isinstance(no, DomainError) else None
    if field is None and getattr(no, "code", "") == "name_taken":
        field = "name"
    refuse(form, {"slug": "name"}.get(field or "", field), no)


def _form(
    request: HttpRequest, form: Any, template: str, context: dict[str, Any]
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, template, {**context, "form": form}, status=status)


def _done(request: HttpRequest, model: Model, said: str) -> HttpResponse:
    drafting.accept(request)
    messages.success(request, said)
    return redirect(_address(model))


def _address(model: Model) -> str:
    return reverse("offering:model-detail", args=[model.pk])


def _sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with; an empty one was sent, too."""
    return request.POST if request.method == "POST" else None
