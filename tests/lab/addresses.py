"""Who lives where in the world."""
PARENT = "127.0.0.2"        # `.` and `test.`
PRIMARY = "127.0.0.3"       # example.test, signing
SECONDARY = "127.0.0.4"     # example.test, lagging
CA_RESOLVER = "127.0.0.15"  # the CA's own: keeps nothing
ACME = "127.0.0.40"
ENDPOINT = "127.0.0.50"      # policies over HTTPS
REPLICA = "127.0.0.51"       # the same, from a copy of the agent's snapshot
MX1_V4, MX1_V6, MX2_V4 = "127.0.0.25", "::1", "127.0.0.26"
# The senders' resolvers by name.
RESOLVERS = {"plain": "127.0.0.11", "older": "127.0.0.12", "min-ttl": "127.0.0.13", "stale": "127.0.0.14"}

DOMAIN = "example.test"
CUSTOMERS = "customers.test"  # a zone of others
MX1, MX2 = "mx1.example.test", "mx2.example.test"
HOSTS = (MX1, MX2)
ENDPOINTS = {MX1: (MX1_V4, MX1_V6), MX2: (MX2_V4,)}
TLSA_TTL = 5  # seconds

ALL = [PARENT, PRIMARY, SECONDARY, CA_RESOLVER, ACME, ENDPOINT, REPLICA, MX1_V4, MX1_V6, MX2_V4, *RESOLVERS.values()]


def tlsa_owner(host: str) -> str:
    return f"_25._tcp.{host}"
