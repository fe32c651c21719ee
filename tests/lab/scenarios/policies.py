"""Policies of MTA-STS over HTTPS, with certificates from a CA that asks the endpoint itself."""
import pathlib
import subprocess
import time

import policy_story
from addresses import ENDPOINT, HOSTS, MX1, MX2, REPLICA, SECONDARY
from mxseal import Mxseal, find_binary
from policy_sender import COLD, WARM
from policy_story import DOMAIN, Story
from process import Server, wait_until
from world import World

_PATIENCE = 60
_NAMES = ("a", "b", "c", "d")


def _configure(world: World, mxseal: Mxseal, embedded: bool = True) -> None:
    """The endpoint, by tls-alpn-01 and, for one profile, http-01; and what customers have in DNS: MX hosts and an address."""
    listen = f'listen: ["{ENDPOINT}:443"], listen_http: ["{ENDPOINT}:80"], ' if embedded else ""
    acme = f'{{directory: "{world.ca.directory}", accept_terms: true, ca_file: {world.ca.ca_file}, challenge: '
    mxseal.change_config("acme:\n", f"acme:\n  alpn: {acme}tls-alpn-01}}\n  http: {acme}http-01}}\n")
    mxseal.change_config("domains:\n", (
        f'endpoint: {{{listen}certificate: alpn, allow_private: on, probe_ca_file: {_root(world)}}}\n'
        "profiles:\n  default: {mta_sts: {mode: testing}}\n  strict: {mta_sts: {mode: enforce, at_once: on, max_age: 2w}, certificate: http}\ndomains:\n"))
    lines = []
    for name in _NAMES:
        lines += [f"update add {name}.example.test. 5 MX 10 mx1.example.test.", f"update add mta-sts.{name}.example.test. 5 A {ENDPOINT}"]
    world.names.update(lines)


def _root(world: World) -> pathlib.Path:
    """Pebble's root of now, beside those of before."""
    file = world.folder / "roots.pem"
    with file.open("a", encoding="ascii") as roots:
        roots.write(world.ca.root())
    return file


def _fetch(world: World, name: str) -> str:
    """What a sender gets; empty: nothing that it would take."""
    command = ["curl", "--silent", "--max-time", "5", "--cacert", str(world.folder / "roots.pem"), "--write-out", "%{http_code}",
               f"https://mta-sts.{name}.example.test/.well-known/mta-sts.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout[:-3] if done.returncode == 0 and done.stdout.endswith("200") else ""


def _wait_fetched(world: World, names: str, seconds: float) -> None:
    for name in names:
        wait_until(f"the policy of {name}.example.test is served", lambda name=name: _fetch(world, name), seconds, every=0.3)


def _mta_sts(mxseal: Mxseal, name: str) -> dict:
    found = [domain for domain in mxseal.status()["domains"] if domain["domain"] == f"{name}.example.test"]
    return (found[0].get("mta_sts") or {}) if found else {}


def domains_are_added_the_ca_fails_and_the_agent_dies(world: World) -> None:
    """Domains added while the agent runs are served with certificates of a CA; a CA that is away is tried again; after kill -9 what was served is served at once."""
    mxseal = Mxseal(world, find_binary())
    _configure(world, mxseal)
    mxseal.start_agent()
    mxseal.wait_running()

    mxseal.run("domain", "add", "a.example.test", "b.example.test")
    mxseal.run("domain", "add", "c.example.test", "--profile", "strict")
    # An order that fails once on a busy machine is made again after a minute.
    _wait_fetched(world, "abc", 4 * _PATIENCE)
    assert _fetch(world, "a") == "version: STSv1\nmode: testing\nmx: mx1.example.test\nmax_age: 86400\n", _fetch(world, "a")
    assert "mode: enforce" in _fetch(world, "c")
    wait_until("the probe sees each policy as a sender does", lambda: all(_mta_sts(mxseal, name).get("body_live") is True for name in "abc"), _PATIENCE, every=0.5)

    world.ca.server.stop()
    mxseal.run("domain", "add", "d.example.test")
    mxseal.wait_events("site.order_failed", "d.example.test", 1, _PATIENCE)
    assert _fetch(world, "d") == "" and _fetch(world, "a")

    mxseal.kill_agent()
    mxseal.start_agent()
    _wait_fetched(world, "abc", _PATIENCE)
    assert _fetch(world, "a").startswith("version: STSv1")

    world.ca.server.start()
    world.ca.wait_ready()
    _root(world)
    # The CA forgot its accounts and orders with its restart: where the first order after it fails, the next one is two minutes later.
    _wait_fetched(world, "d", 4 * _PATIENCE)

    mxseal.run("domain", "remove", "b.example.test")
    # RFC 8461 section 8.3: a policy ends by `mode: none`, for as long as a sender may hold the former one.
    wait_until("the policy of b.example.test says `mode: none`", lambda: "mode: none" in _fetch(world, "b"), _PATIENCE, every=0.3)
    mxseal.stop_agent()
    assert "every connection has ended; 0 were cut" in (mxseal.folder / "agent.log").read_text()


def another_process_serves_what_the_agent_writes(world: World) -> None:
    """`mxseal serve` answers CAs and senders from the files of an agent that listens nowhere, and goes on when the agent is killed."""
    mxseal = Mxseal(world, find_binary())
    _configure(world, mxseal, embedded=False)
    mxseal.start_agent()
    mxseal.wait_running()
    snapshot = mxseal.folder / "state" / "endpoint.snapshot"
    wait_until("the first snapshot is there", snapshot.exists, _PATIENCE)
    serve = Server("mxseal serve", [str(mxseal.binary), "serve", "--snapshot", str(snapshot), "--listen", f"{ENDPOINT}:443", "--listen-http", f"{ENDPOINT}:80"],
                   mxseal.folder / "serve.log").start()
    world.stop_later(serve)

    mxseal.run("domain", "add", "a.example.test")
    mxseal.run("domain", "add", "c.example.test", "--profile", "strict")
    _wait_fetched(world, "ac", 4 * _PATIENCE)
    _another_policy_is_no_trouble(mxseal)

    mxseal.kill_agent()
    assert "mode: testing" in _fetch(world, "a") and "mode: enforce" in _fetch(world, "c")
    mxseal.run("domain", "add", "d.example.test")
    assert _fetch(world, "d") == ""
    mxseal.start_agent()
    _wait_fetched(world, "d", 2 * _PATIENCE)
    assert "mode: testing" in _fetch(world, "a") and "mode: enforce" in _fetch(world, "c")

    serve.stop()
    world.forget(serve)
    assert _fetch(world, "a") == "" and serve.process.returncode == 0, serve.process.returncode
    mxseal.stop_agent()


def _another_policy_is_no_trouble(mxseal: Mxseal) -> None:
    """It is fetched after `mxseal serve` took it, so nobody is told that another one is served."""
    before = len(mxseal.wait_events("policy.live", "a.example.test", 1, _PATIENCE))
    mxseal.change_config("default: {mta_sts: {mode: testing}}", "default: {mta_sts: {mode: testing, max_age: 12h}}")
    mxseal.reload_config()
    mxseal.wait_events("policy.live", "a.example.test", before + 1, _PATIENCE)
    told = [entry["sentence"] for entry in mxseal.events("site.fetch_failed", "a.example.test")]
    assert not any("serves another policy" in sentence or "SSL" in sentence for sentence in told), told


def from_nothing_to_enforce_and_back_without_a_failed_sender(world: World) -> None:
    """Testing, enforce, a policy change with a stale replica, one with a lagging name server, two changes of the MX set and the end by `mode: none`: no sender, whatever it has cached, finds a policy that fails."""
    mxseal = Mxseal(world, find_binary(), policy_story.TIMING)
    policy_story.configure(world, mxseal)
    mxseal.start_agent()
    mxseal.wait_state(list(HOSTS), "steady", 2 * _PATIENCE)
    with Story(world, mxseal).told() as story:
        story.add()
        story.wait_mode("testing")
        story.wait_senders("testing", lambda look: look.policy.startswith("testing"))
        told = story.query()
        assert "STSFetchResult.VALID" in told and "'mode': 'testing'" in told, told
        story.wait_mode("enforce")
        _a_stale_replica_keeps_the_id_back(story)
        _a_lagging_server_keeps_the_old_id(story)
        mxseal.run("mx", "add", DOMAIN, MX2)
        story.wait_mx([MX1, MX2])
        mxseal.run("mx", "remove", DOMAIN, MX1)
        story.wait_mx([MX2])
        _change(story, "mode: enforce", "mode: none")
        story.wait_mode("none")
        story.wait_ended()
    story.require_no_fault()
    mxseal.stop_agent()


def a_hasty_hand_is_seen_by_everybody(world: World) -> None:
    """An id that comes before its body is seen by the judge, an MX host that no policy covers by the senders and by mxseal: what the other scenario trusts in does fail."""
    mxseal = Mxseal(world, find_binary(), policy_story.TIMING)
    policy_story.configure(world, mxseal)
    mxseal.change_config("mode: enforce,", "mode: enforce, at_once: on,")
    mxseal.start_agent()
    mxseal.wait_running()
    with Story(world, mxseal).told() as story:
        story.add()
        story.wait_senders("enforce", lambda look: look.policy.startswith("enforce"), _PATIENCE)
        story.require_no_fault()

        story.replica.hold()
        _change(story, "max_age: 15s", "max_age: 14s")
        story.wait("the wait names the stale replica", lambda policy: REPLICA in policy["reason"] and policy["body_live"] is False)
        world.names.update([f"update delete _mta-sts.{DOMAIN}. TXT", f'update add _mta-sts.{DOMAIN}. 5 TXT "v=STSv1; id=hasty;"'])
        wait_until("the judge sees an id before its body", lambda: any("id hasty" in fault and REPLICA in fault for fault in story.judge.faults), _PATIENCE)

        world.names.update([f"update add {DOMAIN}. 5 MX 20 {MX2}."])
        wait_until("senders see an MX host that their policy does not cover",
                   lambda: {look.sender for look in story.senders.failures() if f"{MX2}: not covered" in look.verdict} >= {COLD, WARM}, _PATIENCE, every=0.3)
        story.wait("mxseal pages", lambda policy: MX2 in (policy["page"] or ""))
    mxseal.stop_agent()


def _change(story: Story, old: str, new: str) -> None:
    story.mxseal.change_config(old, new)
    story.mxseal.reload_config()


def _max_age(body: str) -> str:
    return next(line.removeprefix("max_age: ") for line in body.splitlines() if line.startswith("max_age: "))


def _a_stale_replica_keeps_the_id_back(story: Story) -> None:
    before = story.judge.announced()
    story.replica.hold()
    _change(story, "max_age: 15s", "max_age: 14s")
    story.wait("the wait names the stale replica", lambda policy: REPLICA in policy["reason"] and policy["body_live"] is False)
    time.sleep(8)  # longer than a change takes when nothing stands in its way
    assert story.judge.announced() == before, f"{before} became {story.judge.announced()} while a replica was stale"
    served = story.judge.served()
    assert [_max_age(served[address]) for address in (ENDPOINT, REPLICA)] == ["14", "15"], served
    story.replica.release()
    story.wait_mode("enforce")
    assert story.judge.announced() != before


def _a_lagging_server_keeps_the_old_id(story: Story) -> None:
    before = story.judge.announced()
    story.world.names.hold_secondary()
    _change(story, "max_age: 14s", "max_age: 13s")
    story.wait("the wait names the lagging name server", lambda policy: SECONDARY in policy["reason"] and policy["txt_live"] is False)
    time.sleep(4)
    now = story.judge.announced()
    assert now["secondary"] == before["secondary"] != now["primary"] and story.policy()["txt_live"] is False, now
    story.world.names.release_secondary()
    story.wait_mode("enforce")
