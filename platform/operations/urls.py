"""URLs of operations."""

from django.urls import path

from operations import queue, views

app_name = "operations"
urlpatterns = [
    path("api/docs/", views.api_reference, name="api-reference"),
    path("staff/operations/", queue.job_list, name="jobs"),
    path("staff/operations/retry/", queue.retry_dead, name="retry-dead"),
    path("staff/operations/jobs/<int:pk>/", queue.job_detail, name="job-detail"),
    path("staff/operations/jobs/<int:pk>/retry/", queue.retry, name="retry"),
    path("staff/operations/jobs/<int:pk>/ignore/", queue.ignore, name="ignore"),
    # Where each queue had a page of its own.
    path(
        "staff/operations/deliveries/", queue.moved, {"kind": "fact", "state": "dead"}
    ),
    path("staff/operations/mails/", queue.moved, {"kind": "mail", "state": "dead"}),
    path("staff/revenue/webhooks/", queue.moved, {"kind": "webhook"}),
    path("staff/revenue/webhooks/<int:pk>/", queue.moved_webhook),
    path("staff/contributions/deliveries/", queue.moved, {"kind": "contribution"}),
]
