"""What a page may load, and where its forms may lead."""

from csp.constants import NONCE, NONE, SELF

from config.settings.outside import STRIPE_HOSTS

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # A form that ends at the hosted checkout is redirected there.
        "form-action": [SELF, *STRIPE_HOSTS],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
