"""How a host that an ACME client serves today becomes mxseal's, by the commands of docs/manual/hooks.md."""
import pathlib
import random
import subprocess

import client_story
import keys
from acme_client import Client, Order, place
from acme_clients import Certbot, Dehydrated
from addresses import HOSTS, MX1, MX2, TLSA_TTL
from client_means import UnderAgent
from client_story import Count, Story
from isolation import bind_over
from mxseal import Mxseal, find_binary
from process import run
from promises import watched
from world import World

_PATIENCE = 120
_POSTFIX = pathlib.Path("/etc/postfix")
# Where Debian has them; here folders of the world's.
_CERTBOT, _DEHYDRATED, _DEHYDRATED_BASE = (pathlib.Path(name) for name in ("/etc/letsencrypt", "/etc/dehydrated", "/var/lib/dehydrated"))


class _NoHook:
    def line(self, _) -> str:
        return ""


class _CertbotAtHome(Certbot):
    def __init__(self, world: World):
        super().__init__(place(world, self.name, MX1), _NoHook())
        (self.folder / "etc").mkdir()
        bind_over(self.folder / "etc", str(_CERTBOT))

    def config_dir(self) -> pathlib.Path:
        return _CERTBOT


class _DehydratedAtHome(Dehydrated):
    """Its own HOOK answers the challenges, as before mxseal came."""

    def __init__(self, world: World):
        super().__init__(place(world, self.name, MX1), _NoHook())
        bind_over(self.folder, str(_DEHYDRATED))
        bind_over(self.folder, str(_DEHYDRATED_BASE))

    def config_dir(self) -> pathlib.Path:
        return _DEHYDRATED

    def key_file(self) -> pathlib.Path:
        return _DEHYDRATED_BASE / "certs" / MX1 / "privkey.pem"


def a_host_on_certbots_live_folder(world: World) -> None:
    """A host whose Postfix reads certbot's live folder moves in by `mxseal init --from certbot` and the four steps of the manual, then rolls: no probe fails."""
    client_story.prepare_ca(world)
    _moves_in(world, _CertbotAtHome(world), "K N .")


def dehydrated_with_a_hook_of_its_own(world: World) -> None:
    """`hook install dehydrated` goes along with a HOOK that answers challenges, a refused order uses up the standby key, `hook remove` goes out again: no probe fails."""
    client_story.prepare_ca(world)
    dehydrated = _DehydratedAtHome(world)
    mxseal = _moves_in(world, dehydrated, "K F N .")
    left = {file.name for file in _DEHYDRATED.rglob("*mxseal*")}
    mxseal.run("hook", "remove", "dehydrated")
    assert left and not list(_DEHYDRATED.rglob("*mxseal*")), f"of {left} there is still something"
    dehydrated.issue(Order.kept)  # by its own hook again


def _moves_in(world: World, client: Client, sequence: str) -> Mxseal:
    client.issue(Order.first)
    _read(world, f"{client.key_file()}, {client.chain_file()}")
    world.names.set_tlsa(MX1, [keys.tlsa_of_file(client.chain_file())])
    world.names.set_tlsa(MX2, [keys.tlsa_of_file(world.mail[MX2].combined)])
    mxseal = Mxseal(world, find_binary(), external={MX1: "client"})
    with watched(world, mxseal):
        world.wait_all_verified(60)
        _take_over(world, mxseal, client)
        Story(world, client, UnderAgent(client, mxseal, random.Random()), Count(client.name, "client")).play(sequence)
        assert mxseal.events("switch.verified", MX1), "the new key is served without a switch"
    return mxseal


def _take_over(world: World, mxseal: Mxseal, client: Client) -> None:
    """The four steps of docs/manual/hooks.md, "In four steps"."""
    _use_first_configuration(world, mxseal, client)
    folder = str(client.chain_file().parent)
    assert folder in _checked(mxseal), f"`config check` does not say that Postfix reads {folder}"
    mxseal.run("hook", "install", client.name)
    (_POSTFIX / "tls").mkdir()
    mxseal.start_agent()
    mxseal.wait_running()
    mxseal.run("hook", "files", "--key", str(client.key_file()), "--chain", str(client.chain_file()))
    mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
    _read(world, str(_POSTFIX / "tls" / f"{MX1}.pem"))
    assert folder not in _checked(mxseal)


def _checked(mxseal: Mxseal) -> str:
    """All that `config check` says; it finds no mistake."""
    done = subprocess.run(mxseal.command("config", "check"), capture_output=True, text=True, timeout=30, check=True)
    return done.stdout + done.stderr


def _use_first_configuration(world: World, mxseal: Mxseal, client: Client) -> None:
    """What `init` writes of the host, with what only the operator knows: here the lab's servers and waits, and the other host."""
    bind_over(world.mail[MX1].config, str(_POSTFIX))
    first = mxseal.folder / "first.yaml"
    mxseal.run("init", "--from", client.name, str(first))
    host = first.read_text().partition("\nhosts:\n")[2].partition("\n\n")[0]
    assert host.startswith(f"  {MX1}:\n    certificate: external"), first.read_text()
    head, _, hosts = mxseal.config.read_text().partition("hosts:\n")
    other = hosts[hosts.index(f"  {MX2}:"):]
    mxseal.config.write_text(f"{head}hosts:\n{host}\n    tlsa_ttl: {TLSA_TTL}s\n{other}")


def _read(world: World, files: str) -> None:
    mail = world.mail[MX1]
    run(["postconf", "-c", str(mail.config), "-e", f"smtpd_tls_chain_files = {files}"])
    mail.reload()

