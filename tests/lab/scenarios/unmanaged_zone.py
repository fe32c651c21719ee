"""A zone that the operator edits by hand: mxseal says which record is to be set, and when, waits until it sees it, and goes on."""
import time

import hand_story
import policy_story
from addresses import ENDPOINT, HOSTS, MX1, MX2, REPLICA
from hand_story import DOMAIN, HandStory
from mxseal import Mxseal, find_binary
from process import wait_until
from world import World

_PATIENCE = 60
_LATE = 4  # seconds: the operator does not come at once


def _agent(world: World, at_once: bool = False) -> Mxseal:
    mxseal = Mxseal(world, find_binary(), policy_story.TIMING)
    hand_story.configure(world, mxseal, at_once)
    mxseal.start_agent()
    mxseal.wait_state(list(HOSTS), "steady", 2 * _PATIENCE)
    return mxseal


def the_operator_is_told_each_record_and_no_sender_fails(world: World) -> None:
    """From nothing to enforce, two changes of the MX set and the end, each record set late by an operator who reads `mxseal status`: no sender finds a policy that fails."""
    mxseal = _agent(world)
    with HandStory(world, mxseal).told() as story:
        _from_nothing_to_enforce(story)
        _no_id_is_asked_for_before_its_body_is_everywhere(story)
        _a_host_enters(story)
        _a_host_leaves(story)
        _the_end(story)
    story.require_no_fault()
    assert len(mxseal.events("operator.asked", DOMAIN)) >= 8, mxseal.events("operator.asked", DOMAIN)
    # Of the endpoint itself, which is never stale: it is asked after it took what was written.
    failed = [entry["sentence"] for entry in mxseal.events("site.fetch_failed", DOMAIN) if ENDPOINT in entry["sentence"]]
    assert not failed, failed
    mxseal.stop_agent()


def _from_nothing_to_enforce(story: HandStory) -> None:
    story.add()
    said = story.wait("what is missing is named", lambda policy: "leads nowhere" in (policy.get("reason") or ""))
    assert f"mta-sts.{DOMAIN} leads nowhere" in said["reason"], said
    story.change(story.wait_asked(f"_smtp._tls.{DOMAIN}", "v=TLSRPTv1"))
    assert not story.asked(f"_mta-sts.{DOMAIN}"), story.printed()
    story.point()
    story.wait_asked_id(2 * _PATIENCE)
    time.sleep(_LATE)
    story.announce()
    story.wait("testing", lambda policy: policy.get("mode") == "testing")
    story.wait_senders("testing", lambda look: look.policy.startswith("testing"))
    story.announce()
    story.wait_mode("enforce")
    story.wait_senders("enforce", lambda look: look.policy.startswith("enforce"))
    assert not story.asked(f"_smtp._tls.{DOMAIN}"), story.printed()


def _no_id_is_asked_for_before_its_body_is_everywhere(story: HandStory) -> None:
    before = story.judge.announced()
    story.replica.hold()
    story.mxseal.change_config("max_age: 15s", "max_age: 14s")
    story.mxseal.reload_config()
    story.wait("the wait names the stale replica", lambda policy: REPLICA in policy["reason"] and policy["body_live"] is False)
    end = time.monotonic() + 8  # longer than a change takes when nothing stands in its way
    while time.monotonic() < end:
        assert not story.asked(f"_mta-sts.{DOMAIN}"), story.printed()
    story.replica.release()
    asked = story.wait_asked_id()

    # Another id than the one that was printed.
    record = f"_mta-sts.{DOMAIN}."
    story.change([f"update delete {record} TXT", f'update add {record} 5 TXT "v=STSv1; id=20260101;"'])
    said = story.wait("the wrong id is named", lambda policy: "id 20260101, which mxseal did not ask for" in policy["reason"])
    assert said["txt_live"] is False, said
    again = story.wait_asked_id()
    assert [line for line in asked if "update add" in line] == [line for line in again if "update add" in line], f"{asked} became {again}"
    assert any("update delete" in line and "id=20260101" in line for line in again), again
    story.announce()
    assert story.judge.announced() != before


def _a_host_enters(story: HandStory) -> None:
    planned = story.mxseal.run("mx", "add", DOMAIN, MX2)
    assert "operator" in planned and "<new id>" in planned, planned
    story.wait_asked_id()
    assert not story.asked(DOMAIN), story.printed()
    time.sleep(_LATE)
    story.announce()
    asked = story.wait_asked(DOMAIN, MX2)
    assert len(asked) == 1 and asked[0].startswith("update add"), asked
    assert all(story.world.names.tlsa(MX2).values()), "the host is asked for before its TLSA records are there"
    time.sleep(_LATE)
    story.change(asked)
    story.wait_mx([MX1, MX2])


def _a_host_leaves(story: HandStory) -> None:
    story.mxseal.run("mx", "remove", DOMAIN, MX1)
    asked = story.wait_asked(DOMAIN, MX1)
    assert len(asked) == 1 and asked[0].startswith("update delete"), asked
    time.sleep(_LATE)
    story.change(asked)
    story.announce()
    story.wait_mx([MX2])


def _the_end(story: HandStory) -> None:
    story.mxseal.run("domain", "remove", DOMAIN)
    story.announce()
    story.wait_mode("none")
    gone = story.wait_asked(f"_mta-sts.{DOMAIN}", "v=STSv1")
    assert len(gone) == 1 and gone[0].startswith("update delete"), gone
    story.change(gone)
    story.wait_ended()
    # RFC 8461 section 10.3: the name that leads to the endpoint is left over.
    wait_until("the name that is left over is named", lambda: f"mta-sts.{DOMAIN} still leads to this endpoint" in " ".join(story.printed().split()), _PATIENCE, every=0.5)
    story.change([f"update delete mta-sts.{DOMAIN}. A"])
    story.mxseal.wait_events("domain.names_gone", DOMAIN, 1, 2 * _PATIENCE)


def what_the_operator_does_wrong_is_named(world: World) -> None:
    """Two records at the name, an id that senders cannot read, an MX host that nobody asked for: each is named with what helps, and mxseal goes on when it is mended."""
    mxseal = _agent(world, at_once=True)
    with HandStory(world, mxseal).told() as story:
        story.point()
        story.add()
        record = f"_mta-sts.{DOMAIN}."
        story.wait_asked_id(2 * _PATIENCE)
        story.change([f'update add {record} 5 TXT "v=STSv1; id=not-an-id;"'])
        story.wait("the id is named", lambda policy: "'v=STSv1; id=not-an-id;', which senders cannot read" in policy["reason"])
        story.announce()
        story.wait_mode("enforce")
        story.wait_senders("enforce", lambda look: look.policy.startswith("enforce"))
        story.require_no_fault()

        begun = time.time()  # from here on senders suffer by what the operator does
        story.change([f'update add {record} 5 TXT "v=STSv1; id=another;"'])
        said = story.wait("two records are named", lambda policy: "has 2 records that begin with v=STSv1" in policy["reason"])
        assert f'remove all but "v=STSv1; id={said["id"]};"' in said["reason"] and said["txt_live"] is False, said
        story.change([f'update delete {record} TXT "v=STSv1; id=another;"'])
        story.wait_mode("enforce")

        mxseal.run("mx", "add", DOMAIN, MX2)
        story.wait_asked_id()
        story.change([f"update add {DOMAIN}. 5 MX 20 mx2.{DOMAIN}."])
        said = story.wait("the wrong host is paged", lambda policy: f"mx2.{DOMAIN}" in (policy["page"] or ""))
        assert f"none of those that are wanted ({MX1}, {MX2}): remove it" in said["page"], said
        assert mxseal.events("policy.page", DOMAIN)
        story.change([f"update delete {DOMAIN}. MX 20 mx2.{DOMAIN}."])
        story.announce()
        story.wait("the page is over", lambda policy: policy["page"] is None)
        early = [look for look in story.senders.failures() if look.at < begun - 2]
        assert not early, early
    mxseal.stop_agent()
