"""URLs of quotes."""

from django.urls import path

from billing.quotes import link_views, staff_views, views

app_name = "quotes"
HERE = "console/<slug:org>/quotes/<slug:quote_id>/"
LINK = "quotes/<str:token>/"
STAFF = "staff/quotes/<slug:quote_id>/"
urlpatterns = [
    path("pricing/quote/", views.start, name="start"),
    path("console/<slug:org>/quotes/", views.quote_list, name="list"),
    path("console/<slug:org>/quotes/ask/", views.ask, name="ask"),
    path(HERE, views.detail, name="detail"),
    path(f"{HERE}buyer/", views.buyer, name="buyer"),
    path(f"{HERE}accept/", views.accept, name="accept"),
    path(f"{HERE}decline/", views.decline, name="decline"),
    path(f"{HERE}renewal/", views.renewal, name="renewal"),
    path(f"{HERE}quote.pdf", views.quote_file, name="pdf"),
    path(f"{HERE}invoices/<int:number>.pdf", views.invoice_file, name="invoice-pdf"),
    path(LINK, link_views.open_quote, name="open-detail"),
    path(f"{LINK}buyer/", link_views.open_buyer, name="open-buyer"),
    path(f"{LINK}accept/", link_views.open_accept, name="open-accept"),
    path(f"{LINK}decline/", link_views.open_decline, name="open-decline"),
    path(f"{LINK}quote.pdf", link_views.open_file, name="open-pdf"),
    path("staff/quotes/", staff_views.staff_list, name="staff-list"),
    path("staff/quotes/new/", staff_views.staff_new, name="staff-new"),
    path(STAFF, staff_views.staff_detail, name="staff-detail"),
    path(f"{STAFF}buyer/", staff_views.staff_buyer, name="staff-buyer"),
    path(f"{STAFF}send/", staff_views.staff_send, name="staff-send"),
    path(f"{STAFF}ask/", staff_views.staff_ask, name="staff-ask"),
    path(f"{STAFF}withdraw/", staff_views.staff_withdraw, name="staff-withdraw"),
]
