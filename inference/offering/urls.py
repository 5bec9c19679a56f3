"""URLs of offering. Models go by number here: their names are of all shapes."""

from django.urls import path

from inference.offering import views

app_name = "offering"
urlpatterns = [
    path("staff/models/", views.model_list, name="model-list"),
    path("staff/models/new/", views.model_create, name="model-create"),
    path("staff/models/<int:pk>/", views.model_detail, name="model-detail"),
    path("staff/models/<int:pk>/edit/", views.model_edit, name="model-edit"),
    path("staff/models/<int:pk>/publish/", views.model_publish, name="model-publish"),
    path("staff/models/<int:pk>/retire/", views.model_retire, name="model-retire"),
    path("staff/models/<int:pk>/price/", views.price_create, name="price-create"),
    path(
        "staff/models/<int:pk>/deployment/",
        views.deployment_create,
        name="deployment-create",
    ),
    path(
        "staff/models/deployments/<int:place>/",
        views.deployment_edit,
        name="deployment-edit",
    ),
    path(
        "staff/models/deployments/<int:place>/test/",
        views.deployment_test,
        name="deployment-test",
    ),
    path(
        "staff/models/deployments/<int:place>/remove/",
        views.deployment_remove,
        name="deployment-remove",
    ),
    path(
        "staff/models/prices/<int:price>/withdraw/",
        views.price_withdraw,
        name="price-withdraw",
    ),
]
