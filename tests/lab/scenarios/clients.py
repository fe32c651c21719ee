"""ACME clients that people run already: what their renewals cost under DANE, and what mxseal's hook line makes of it."""
import client_means
import client_story
from addresses import HOSTS
from world import World


def uacme_by_its_own_means(world: World) -> None:
    """uacme with a script that copies, publishes and reloads: renewals that keep the key harm nobody, each one with a new key fails senders."""
    count = client_story.by_own_means(world, "uacme", client_story.FULL)
    assert count.new_with_gap == count.new, f"no sender noticed a new key: {count}"
    assert not count.failed_before_new, f"a renewal with the kept key failed probes: {count}"


def uacme_with_one_hook_line(world: World) -> None:
    """The same renewals, ten with the kept key, three with a new one, a refused order and two kills, with mxseal called after each: no probe fails."""
    client_story.with_mxseal(world, "uacme", client_story.FULL)


def lego_with_one_hook_line(world: World) -> None:
    """lego's renewals with mxseal behind the hook, keys kept and new, an order refused, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "lego", client_story.SHORT)


def acme_sh_with_one_hook_line(world: World) -> None:
    """acme.sh's renewals with mxseal behind its reloadcmd, its next key used up by a refused order, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "acme.sh", client_story.SHORT)


def certbot_with_mxseals_keys(world: World) -> None:
    """certbot is given the key that is due, of a roll too, an order refused, the agent killed: no probe fails."""
    client_story.with_mxseals_keys(world, "certbot", client_story.SHORT)


def one_certificate_for_both_hosts(world: World) -> None:
    """One certificate of certbot for both MX hosts: a new key goes live at one host after the other, never at two together, and no probe fails."""
    client_story.with_mxseal(world, "certbot", "K N .", hosts=HOSTS)


def hooks_without_an_agent(world: World) -> None:
    """Without an agent the hook leaves its pair, `mxseal apply` takes it and carries the host to the new key, and no probe fails."""
    client_story.with_mxseal(world, "uacme", "K N .", under=client_means.UnderCron)
