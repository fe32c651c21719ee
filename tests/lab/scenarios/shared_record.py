"""One TXT record behind which many customers stand (RFC 8461 section 8.2; C-38)."""
import time

import policy_story
import shared_story
from addresses import ENDPOINT, HOSTS, REPLICA
from mxseal import Mxseal, find_binary
from shared_story import SharedStory, domain_of
from world import World

_PATIENCE = 60
# Longer than a change takes, so that who is behind holds the others up for as long as this scenario looks.
_TIMING = {**policy_story.TIMING, "policy_refresh": "15s"}


def _hoster(world: World) -> Mxseal:
    mxseal = Mxseal(world, find_binary(), _TIMING)
    shared_story.configure(world, mxseal)
    mxseal.start_agent()
    mxseal.wait_running()
    return mxseal


def half_a_delegation_is_named_and_joins_with_its_other_half(world: World) -> None:
    """A customer with one half of the delegation is named, costs the CA nothing and holds nobody up; with the other half it joins."""
    mxseal = _hoster(world)
    with SharedStory(world, mxseal).told() as story:
        story.point("half", "_mta-sts")
        story.add("half")
        for customer in ("one", "two"):
            story.point(customer, "_mta-sts", "mta-sts")
        story.add("one", "two")
        mxseal.wait_state(list(HOSTS), "steady", 2 * _PATIENCE)
        story.wait_announced("one", "two")
        story.watch("one", "two")
        story.wait_senders(["one", "two"], "enforce", lambda look: look.policy.startswith("enforce"))

        said = story.wait("half", "what is missing is named", lambda policy: "leads nowhere" in (policy.get("reason") or ""))
        assert f"mta-sts.{domain_of('half')} leads nowhere" in said["reason"] and said["served"] is False, said
        named = mxseal.events("site.order_failed", domain_of("half"))
        assert named and all("no certificate is ordered" in entry["sentence"] for entry in named), named
        assert domain_of("half") not in world.ca.server.log.read_text(errors="replace"), "the CA was asked"

        before = story.id()
        story.point("half", "mta-sts")
        # Looked at again a minute after the first look, then two minutes after that.
        story.wait_announced("half")
        assert story.id() != before, "the new customer was announced by the id of before"
        story.watch("half")
        story.wait_senders(["half"], "enforce", lambda look: look.policy.startswith("enforce"))
    story.require_no_fault("one", "two", "half")
    mxseal.stop_agent()


def the_last_body_moves_the_one_id_and_a_customer_who_leaves_stops_nobody(world: World) -> None:
    """The one id moves when every customer's body is served everywhere; one whose name leads nowhere is told, costs the CA nothing, and the others go on."""
    mxseal = _hoster(world)
    with SharedStory(world, mxseal).told() as story:
        for customer in ("one", "two", "three"):
            story.point(customer, "_mta-sts", "mta-sts")
        story.add("one", "two", "three")
        mxseal.wait_state(list(HOSTS), "steady", 2 * _PATIENCE)
        story.wait_announced("one", "two", "three")
        story.watch("one", "two", "three")
        story.wait_senders(["one", "two", "three"], "enforce", lambda look: look.policy.startswith("enforce"))
        _a_stale_replica_keeps_the_id_back(story)

        # From here on the senders of that customer find no policy: its own doing.
        left_at = time.time()
        asked_before = _questions_of(world, "two")
        story.take_away("two", "mta-sts")
        said = story.wait("two", "that its name leads nowhere is told", lambda policy: "cannot be fetched" in policy["reason"])
        assert f"mta-sts.{domain_of('two')}" in said["reason"], said
        assert mxseal.events("site.fetch_failed", domain_of("two"))
        before = story.id()
        story.mxseal.change_config("max_age: 14s", "max_age: 13s")
        story.mxseal.change_config("endpoint: {certificate: alpn", "endpoint: {certificate: another")
        story.mxseal.reload_config()
        story.wait_announced("one", "three", max_age=13)
        assert story.id() != before
        refused = mxseal.wait_events("site.order_failed", domain_of("two"), 1, _PATIENCE)
        assert all("no certificate is ordered" in entry["sentence"] for entry in refused), refused
        assert _questions_of(world, "two") == asked_before, "the CA was asked for a name that leads nowhere"
    story.require_no_fault("one", "three")
    story.require_no_fault("two", until=left_at - 1)
    mxseal.stop_agent()


def _a_stale_replica_keeps_the_id_back(story: SharedStory) -> None:
    before = story.id()
    story.replica.hold()
    story.mxseal.change_config("max_age: 15s", "max_age: 14s")
    story.mxseal.reload_config()
    for customer in ("one", "two", "three"):
        story.wait(customer, "the wait names the stale replica", lambda policy: REPLICA in policy["reason"] and policy["body_live"] is False)
    time.sleep(8)  # longer than a change takes when nothing stands in its way
    assert story.id() == before, "the id moved while a replica was stale"
    served = story.judges["two"].served()
    assert "max_age: 14" in served[ENDPOINT] and "max_age: 15" in served[REPLICA], served
    story.replica.release()
    story.wait_announced("one", "two", "three", max_age=14)
    assert story.id() != before


def _questions_of(world: World, customer: str) -> int:
    """Lines of the CA's log that name the customer."""
    return world.ca.server.log.read_text(errors="replace").count(domain_of(customer))
