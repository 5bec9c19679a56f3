"""URLs of the price lab."""

from django.urls import path

from billing.pricelab import views

app_name = "pricelab"
urlpatterns = [
    path("staff/conversion/price-lab/", views.home, name="home"),
    path("staff/conversion/price-lab/new/", views.candidate_new, name="candidate-new"),
    path(
        "staff/conversion/price-lab/<int:candidate>/",
        views.candidate_detail,
        name="candidate",
    ),
    path(
        "staff/conversion/price-lab/<int:candidate>/replay/",
        views.candidate_replay,
        name="candidate-replay",
    ),
    path(
        "staff/conversion/price-lab/<int:candidate>/drop/",
        views.candidate_drop,
        name="candidate-drop",
    ),
]
