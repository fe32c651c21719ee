"""ACME clients that people run already: what their renewals cost under DANE, and what mxseal's hook line makes of it."""
import client_means
import client_story
from addresses import HOSTS
from world import World


def certbot_by_its_own_means(world: World) -> None:
    """Certbot with a deploy hook that copies, publishes and reloads: a renewal that keeps its key harms nobody, one with a new key fails senders."""
    count = client_story.by_own_means(world, "certbot", client_story.SHORT)
    assert count.new_with_gap, f"no sender noticed the new key: {count}"
    assert not count.failed_before_new, f"a renewal with the kept key failed probes: {count}"


def certbot_with_one_hook_line(world: World) -> None:
    """The same renewals of certbot, ten with the kept key, three with a new one, a failed order and two kills, with mxseal behind the hook: no probe fails."""
    client_story.with_mxseal(world, "certbot", client_story.FULL)


def lego_with_one_hook_line(world: World) -> None:
    """lego's renewals with mxseal behind the hook, keys kept and new, an order refused, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "lego", client_story.SHORT)


def dehydrated_with_one_hook_line(world: World) -> None:
    """dehydrated's renewals with mxseal behind the hook, its published standby key lost in a refused order, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "dehydrated", client_story.SHORT)


def acme_sh_with_one_hook_line(world: World) -> None:
    """acme.sh's renewals with mxseal behind its reloadcmd, its next key used up by a refused order, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "acme.sh", client_story.SHORT)


def uacme_with_one_hook_line(world: World) -> None:
    """uacme's renewals with mxseal called after each, keys kept and new, an order refused, the agent killed: no probe fails."""
    client_story.with_mxseal(world, "uacme", client_story.SHORT)


def one_certificate_for_both_hosts(world: World) -> None:
    """One certificate of certbot for both MX hosts: a new key goes live at one host after the other, never at two together, and no probe fails."""
    client_story.with_mxseal(world, "certbot", "K N .", hosts=HOSTS)


def hooks_without_an_agent(world: World) -> None:
    """Without an agent the hook leaves its pair, `mxseal apply` takes it and carries the host to the new key, and no probe fails."""
    client_story.with_mxseal(world, "uacme", "K N .", under=client_means.UnderCron)
