"""Jobs of CI that a product trusts: they get a short-lived token for what their issuer says of them, and no secret."""
