"""A strict Microsoft Entra ID on this machine, for tests: people sign in here by device code and by browser. Never deployed.

It plays the real addresses: ``LocalEntra`` has a certificate for ``login.microsoftonline.com``, and ``Detour`` is the proxy that leads
there. So what is tested needs no setting of its own; it trusts the certificate as any would behind a firewall that reads TLS
(``SSL_CERT_FILE``, ``REQUESTS_CA_BUNDLE``, ``HTTPS_PROXY``). Knows nothing of the product.
"""
