"""Names of headers that are spoken for: by a standard, by servers and proxies, by Slipway. Pure."""

from __future__ import annotations

import re

# IANA's registry of HTTP field names (RFC 9110, section 16.3.1; https://www.iana.org/assignments/http-fields) as of
# May 2026, whatever their status: what is obsolete is still understood by somebody. In lower case.
_REGISTERED = """
    a-im accept accept-additions accept-ch accept-charset accept-datetime accept-encoding accept-features
    accept-language accept-patch accept-post accept-query accept-ranges accept-signature access-control
    access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-expose-headers access-control-max-age access-control-request-headers
    access-control-request-method activate-storage-access age allow alpn alt-svc alt-used alternates
    amp-cache-transform apply-to-redirect-ref authentication-control authentication-info authorization
    available-dictionary c-ext c-man c-opt c-pep c-pep-info cache-control cache-group-invalidation cache-groups
    cache-status cal-managed-id caldav-timezones capsule-protocol cdn-cache-control cdn-loop cert-not-after
    cert-not-before clear-site-data client-cert client-cert-chain close cmcd-object cmcd-request cmcd-session
    cmcd-status cmsd-dynamic cmsd-static concealed-auth-export configuration-context connect-udp-bind connection
    content-base content-digest content-disposition content-encoding content-id content-language content-length
    content-location content-md5 content-range content-script-type content-security-policy
    content-security-policy-report-only content-style-type content-type content-version cookie cookie2
    cross-origin-embedder-policy cross-origin-embedder-policy-report-only cross-origin-opener-policy
    cross-origin-opener-policy-report-only cross-origin-resource-policy cta-common-access-token dasl date dav
    default-style delta-base deprecation depth derived-from destination detached-jws dictionary-id differential-id
    digest dpop dpop-nonce early-data ediint-features etag expect expect-ct expires ext forwarded from getprofile
    hobareg host http2-settings if if-match if-modified-since if-none-match if-range if-schedule-tag-match
    if-unmodified-since im include-referred-token-binding-id incremental isolation keep-alive label last-event-id
    last-modified link link-template location lock-token man max-forwards memento-datetime meter method-check
    method-check-expires mime-version negotiate nel odata-entityid odata-isolation odata-maxversion odata-version
    opt optional-www-authenticate ordering-type origin origin-agent-cluster oscore oslc-core-version overwrite p3p
    pep pep-info permissions-policy pics-label ping-from ping-to position pragma prefer preference-applied priority
    profileobject protocol protocol-info protocol-query protocol-request proxy-authenticate
    proxy-authentication-info proxy-authorization proxy-features proxy-instruction proxy-public-address proxy-status
    public public-key-pins public-key-pins-report-only range redirect-ref referer referer-root referrer-policy
    refresh repeatability-client-id repeatability-first-sent repeatability-request-id repeatability-result
    replay-nonce reporting-endpoints repr-digest retry-after safe schedule-reply schedule-tag sec-fetch-dest
    sec-fetch-mode sec-fetch-site sec-fetch-storage-access sec-fetch-user sec-gpc sec-purpose sec-token-binding
    sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version
    security-scheme server server-timing set-cookie set-cookie2 set-txn setprofile signature signature-input slug
    soapaction status-uri strict-transport-security sunset surrogate-capability surrogate-control tcn te timeout
    timing-allow-origin topic traceparent tracestate trailer transfer-encoding ttl unencoded-digest upgrade urgency
    uri use-as-dictionary user-agent variant-vary vary via want-content-digest want-digest want-repr-digest
    want-unencoded-digest warning www-authenticate x-content-type-options x-frame-options
"""
# Of the registered ones only this is the owner's to set: it is what most receivers ask for.
_ALLOWED = frozenset({"authorization"})

# Everything that begins so: families of standards, what Slipway says itself, what proxies and those who sign users in
# tell the server behind them, and what unlocks the metadata of a cloud's machines.
_RESERVED_PREFIXES = (
    "accept-", "access-control-", "content-", "if-", "proxy-", "sec-",
    "slipway-", "webhook-", "x-slipway-",
    "akamai-", "fastly-", "ssl-client-", "tailscale-", "x-accel-", "x-akamai-", "x-amz-cf-", "x-amzn-",
    "x-appengine-", "x-arr-", "x-auth-request-", "x-authenticated-", "x-authentik-", "x-client-cert", "x-consumer-",
    "x-envoy-", "x-forward", "x-goog-authenticated-", "x-goog-iap-", "x-ms-client-principal", "x-ms-token-",
    "x-original-", "x-pomerium-", "x-proxy", "x-remote-", "x-sendfile", "x-ssl-", "x-vercel-", "x-webauth-",
    "metadata-", "x-aliyun-ecs-metadata-", "x-aws-ec2-metadata-", "x-google-", "x-instance-id", "x-metadata-",
)  # fmt: skip
# Single names of the same kinds that are in no registry.
_RESERVED = """
    b3 baggage cf-access-authenticated-user-email cf-access-jwt-assertion cf-connecting-ip cf-connecting-ipv6
    cf-ew-via cf-ipcountry cf-pseudo-ipv4 cf-ray cf-visitor cf-worker client-ip cluster-client-ip dnt fly-client-ip
    front-end-https idempotency-key metadata purpose remote-email remote-groups remote-name remote-user secret
    true-client-ip upgrade-insecure-requests x-base-url x-client-ip x-cluster-client-ip x-csrf-token
    x-dns-prefetch-control x-host x-http-destinationurl x-http-host-override x-http-method x-http-method-override
    x-identity-header x-lighttpd-send-file x-method-override x-originating-ip x-override-url x-real-host x-real-ip
    x-request-uri x-requested-with x-rewrite-url x-served-by x-true-client-ip x-uidh x-url-scheme x-user-ip
    x-vault-request x-wap-profile x-xss-protection
"""
_TAKEN = frozenset((_REGISTERED + _RESERVED).split())


def fold_name(name: str) -> str:
    """Gives what many receivers make of a name: they tell neither cases nor, as CGI does, marks from each other.

    RFC 3875, section 4.1.18: ``X_Real_IP`` and ``x-real-ip`` become the same variable.
    """
    return re.sub(r"[^a-z0-9]", "-", name.lower())


def is_reserved(name: str) -> bool:
    """Whether the name has a meaning of its own for servers, proxies or Slipway, in whatever spelling."""
    folded = fold_name(name)
    if folded in _ALLOWED:
        return False
    # What has neither letter nor digit is no name: ``*`` stands for all fields (RFC 9110, section 12.5.5).
    return folded in _TAKEN or folded.startswith(_RESERVED_PREFIXES) or not folded.strip("-")
