"""REST URLs of plans."""

from django.urls import path

from billing.plans import api

urlpatterns = [path("plans/", api.PlanList.as_view(), name="plan-list")]
