"""URLs of the plans' pages for staff."""

from django.urls import path

from billing.catalogue import views

app_name = "catalogue"
urlpatterns = [
    path("staff/plans/", views.plan_list, name="plan-list"),
    path("staff/plans/new/", views.plan_new, name="plan-new"),
    path("staff/plans/<slug:plan>/", views.plan_detail, name="plan-detail"),
    path("staff/plans/<slug:plan>/draft/", views.plan_draft, name="plan-draft"),
    path("staff/plans/<slug:plan>/publish/", views.plan_publish, name="plan-publish"),
    path("staff/plans/<slug:plan>/drop/", views.plan_drop, name="plan-drop"),
    path("staff/plans/<slug:plan>/archive/", views.plan_archive, name="plan-archive"),
]
