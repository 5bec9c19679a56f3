"""Which call goes where, and which of the SDK's types describes its parameters."""

from collections.abc import Callable
from typing import Any

from stripe_emulator.engine import cataloguing
from stripe_emulator.resources import (
    catalogue,
    checkout,
    clocks,
    creditnotes,
    customers,
    disputes,
    events,
    invoiceitems,
    invoices,
    meters,
    money,
    portal,
    promotions,
    schedules,
    subscriptions,
    taxids,
)

Handler = Callable[..., dict[str, Any]]
Route = tuple[str, str, Handler, str]


def _crud(path: str, contract: str, **handlers: Handler) -> list[Route]:
    """The usual calls of one resource; ``path`` ends without an id."""
    where = {
        "create": ("POST", path),
        "index": ("GET", path),
        "retrieve": ("GET", path + "/{id}"),
        "update": ("POST", path + "/{id}"),
        "delete": ("DELETE", path + "/{id}"),
    }
    names = {"index": "list"}
    return [
        (*where[name], handler, f"{contract}_{names.get(name, name)}")
        for name, handler in handlers.items()
    ]


ROUTES: list[Route] = [
    ("GET", "/v1/customers/search", customers.search, "customer_search"),
    *_crud(
        "/v1/customers",
        "customer",
        create=customers.create,
        index=customers.index,
        retrieve=customers.retrieve,
        update=customers.update,
        delete=customers.delete,
    ),
    (
        "GET",
        "/v1/customers/{id}/payment_methods",
        lambda account, params, customer: customers.index_methods(
            account, params, customer
        ),
        "customer_payment_method_list",
    ),
    (
        "GET",
        "/v1/customers/{id}/payment_methods/{method}",
        customers.customer_method,
        "customer_payment_method_retrieve",
    ),
    ("POST", "/v1/customers/{id}/tax_ids", taxids.create, "customer_tax_id_create"),
    ("GET", "/v1/customers/{id}/tax_ids", taxids.index, "customer_tax_id_list"),
    (
        "GET",
        "/v1/customers/{id}/tax_ids/{tax_id}",
        taxids.retrieve,
        "customer_tax_id_retrieve",
    ),
    (
        "DELETE",
        "/v1/customers/{id}/tax_ids/{tax_id}",
        taxids.delete,
        "customer_tax_id_delete",
    ),
    *_crud(
        "/v1/payment_methods",
        "payment_method",
        create=customers.create_method,
        index=customers.index_methods,
        retrieve=customers.retrieve_method,
        update=customers.update_method,
    ),
    (
        "POST",
        "/v1/payment_methods/{id}/attach",
        customers.attach_method,
        "payment_method_attach",
    ),
    (
        "POST",
        "/v1/payment_methods/{id}/detach",
        customers.detach_method,
        "payment_method_detach",
    ),
    *_crud(
        "/v1/products",
        "product",
        create=cataloguing.create_product,
        index=catalogue.index_products,
        retrieve=catalogue.retrieve_product,
        update=catalogue.update_product,
        delete=catalogue.delete_product,
    ),
    (
        "POST",
        "/v1/products/{id}/features",
        promotions.attach_feature,
        "product_feature_create",
    ),
    (
        "GET",
        "/v1/products/{id}/features",
        promotions.index_product_features,
        "product_feature_list",
    ),
    *_crud(
        "/v1/prices",
        "price",
        create=cataloguing.create_price,
        index=catalogue.index_prices,
        retrieve=catalogue.retrieve_price,
        update=catalogue.update_price,
    ),
    *_crud(
        "/v1/coupons",
        "coupon",
        create=promotions.create_coupon,
        index=promotions.index_coupons,
        retrieve=promotions.retrieve_coupon,
        update=promotions.update_coupon,
        delete=promotions.delete_coupon,
    ),
    *_crud(
        "/v1/promotion_codes",
        "promotion_code",
        create=promotions.create_code,
        index=promotions.index_codes,
        retrieve=promotions.retrieve_code,
        update=promotions.update_code,
    ),
    *_crud(
        "/v1/tax_rates",
        "tax_rate",
        create=promotions.create_tax_rate,
        index=promotions.index_tax_rates,
        retrieve=promotions.retrieve_tax_rate,
        update=promotions.update_tax_rate,
    ),
    *_crud(
        "/v1/entitlements/features",
        "entitlements.feature",
        create=promotions.create_feature,
        index=promotions.index_features,
    ),
    (
        "GET",
        "/v1/entitlements/active_entitlements",
        promotions.index_active_entitlements,
        "entitlements.active_entitlement_list",
    ),
    *_crud(
        "/v1/subscriptions",
        "subscription",
        create=subscriptions.create,
        index=subscriptions.index,
        retrieve=subscriptions.retrieve,
        update=subscriptions.update,
    ),
    (
        "DELETE",
        "/v1/subscriptions/{id}",
        subscriptions.cancel,
        "subscription_cancel",
    ),
    (
        "POST",
        "/v1/subscriptions/{id}/resume",
        subscriptions.resume,
        "subscription_resume",
    ),
    *_crud(
        "/v1/subscription_items",
        "subscription_item",
        create=subscriptions.create_item,
        index=subscriptions.index_items,
        retrieve=subscriptions.retrieve_item,
        update=subscriptions.update_item,
        delete=subscriptions.delete_item,
    ),
    *_crud(
        "/v1/subscription_schedules",
        "subscription_schedule",
        create=schedules.create,
        index=schedules.index,
        retrieve=schedules.retrieve,
        update=schedules.update,
    ),
    (
        "POST",
        "/v1/subscription_schedules/{id}/release",
        schedules.release,
        "subscription_schedule_release",
    ),
    ("POST", "/v1/invoices/create_preview", invoices.preview, "invoice_create_preview"),
    *_crud(
        "/v1/invoices",
        "invoice",
        create=invoices.create,
        index=invoices.index,
        retrieve=invoices.retrieve,
        update=invoices.update,
        delete=invoices.delete,
    ),
    ("GET", "/v1/invoices/{id}/lines", invoices.lines, "invoice_line_item_list"),
    (
        "POST",
        "/v1/invoices/{id}/finalize",
        invoices.finalize,
        "invoice_finalize_invoice",
    ),
    ("POST", "/v1/invoices/{id}/pay", invoices.pay, "invoice_pay"),
    ("POST", "/v1/invoices/{id}/void", invoices.void, "invoice_void_invoice"),
    ("POST", "/v1/invoices/{id}/send", invoices.send, "invoice_send_invoice"),
    (
        "POST",
        "/v1/invoices/{id}/mark_uncollectible",
        invoices.write_off,
        "invoice_mark_uncollectible",
    ),
    *_crud(
        "/v1/invoiceitems",
        "invoice_item",
        create=invoiceitems.create,
        index=invoiceitems.index,
        retrieve=invoiceitems.retrieve,
        delete=invoiceitems.delete,
    ),
    *_crud(
        "/v1/invoice_payments",
        "invoice_payment",
        index=invoices.index_payments,
        retrieve=invoices.retrieve_payment,
    ),
    *_crud(
        "/v1/payment_intents",
        "payment_intent",
        index=money.index_intents,
        retrieve=money.retrieve_intent,
    ),
    *_crud(
        "/v1/charges",
        "charge",
        index=money.index_charges,
        retrieve=money.retrieve_charge,
    ),
    *_crud(
        "/v1/refunds",
        "refund",
        create=money.create_refund,
        index=money.index_refunds,
        retrieve=money.retrieve_refund,
        update=money.update_refund,
    ),
    *_crud(
        "/v1/disputes",
        "dispute",
        index=disputes.index,
        retrieve=disputes.retrieve,
        update=disputes.update,
    ),
    ("POST", "/v1/disputes/{id}/close", disputes.close, "dispute_close"),
    *_crud(
        "/v1/credit_notes",
        "credit_note",
        create=creditnotes.create,
        index=creditnotes.index,
        retrieve=creditnotes.retrieve,
        update=creditnotes.update,
    ),
    (
        "GET",
        "/v1/credit_notes/{id}/lines",
        creditnotes.lines,
        "credit_note_line_item_list",
    ),
    (
        "POST",
        "/v1/credit_notes/{id}/void",
        creditnotes.void,
        "credit_note_void_credit_note",
    ),
    *_crud(
        "/v1/checkout/sessions",
        "checkout.session",
        create=checkout.create,
        index=checkout.index,
        retrieve=checkout.retrieve,
    ),
    (
        "POST",
        "/v1/checkout/sessions/{id}/expire",
        checkout.expire,
        "checkout.session_expire",
    ),
    (
        "GET",
        "/v1/checkout/sessions/{id}/line_items",
        checkout.line_items,
        "checkout.session_line_item_list",
    ),
    *_crud(
        "/v1/billing_portal/sessions",
        "billing_portal.session",
        create=portal.create_session,
    ),
    *_crud(
        "/v1/billing_portal/configurations",
        "billing_portal.configuration",
        create=portal.create_configuration,
        index=portal.index_configurations,
        retrieve=portal.retrieve_configuration,
        update=portal.update_configuration,
    ),
    *_crud("/v1/events", "event", index=events.index, retrieve=events.retrieve),
    *_crud(
        "/v1/webhook_endpoints",
        "webhook_endpoint",
        create=events.create_endpoint,
        index=events.index_endpoints,
        retrieve=events.retrieve_endpoint,
        update=events.update_endpoint,
        delete=events.delete_endpoint,
    ),
    *_crud(
        "/v1/test_helpers/test_clocks",
        "test_helpers.test_clock",
        create=clocks.create,
        index=clocks.index,
        retrieve=clocks.retrieve,
        delete=clocks.delete,
    ),
    (
        "POST",
        "/v1/test_helpers/test_clocks/{id}/advance",
        clocks.advance,
        "test_helpers.test_clock_advance",
    ),
    *_crud(
        "/v1/billing/meters",
        "billing.meter",
        create=meters.create,
        index=meters.index,
        retrieve=meters.retrieve,
        update=meters.update,
    ),
    (
        "POST",
        "/v1/billing/meters/{id}/deactivate",
        meters.deactivate,
        "billing.meter_deactivate",
    ),
    (
        "POST",
        "/v1/billing/meters/{id}/reactivate",
        meters.reactivate,
        "billing.meter_reactivate",
    ),
    (
        "GET",
        "/v1/billing/meters/{id}/event_summaries",
        meters.index_summaries,
        "billing.meter_event_summary_list",
    ),
    *_crud(
        "/v1/billing/meter_events", "billing.meter_event", create=meters.create_event
    ),
    *_crud(
        "/v1/billing/meter_event_adjustments",
        "billing.meter_event_adjustment",
        create=meters.create_adjustment,
    ),
]
