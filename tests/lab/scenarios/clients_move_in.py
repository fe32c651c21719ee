"""How a host that an ACME client serves today becomes mxseal's, by the commands of docs/manual/hooks.md."""
import pathlib

import client_story
import keys
from acme_client import Order, place
from acme_clients import Certbot
from addresses import ENDPOINTS, HOSTS, MX1, MX2
from isolation import bind_over
from mxseal import Mxseal, find_binary
from process import run, wait_until
from promises import watched
from world import World

_PATIENCE = 120
_AT_HOME = pathlib.Path("/etc/letsencrypt")


class _NoHook:
    def line(self, _) -> str:
        return ""


class _CertbotAtHome(Certbot):
    """With its configuration where Debian has it, here a folder of the world's."""

    def __init__(self, world: World):
        super().__init__(place(world, self.name, MX1), _NoHook())
        (self.folder / "etc").mkdir()
        bind_over(self.folder / "etc", str(_AT_HOME))

    def config_dir(self) -> pathlib.Path:
        return _AT_HOME


def a_host_on_certbots_live_folder(world: World) -> None:
    """A host whose Postfix reads certbot's live folder is taken over and rolled by certbot's renewals, and no probe fails."""
    client_story.prepare_ca(world)
    certbot = _CertbotAtHome(world)
    certbot.issue(Order.first)
    _read(world, f"{certbot.key_file()}, {certbot.chain_file()}")
    world.names.set_tlsa(MX1, [keys.tlsa_of_file(certbot.chain_file())])
    world.names.set_tlsa(MX2, [keys.tlsa_of_file(world.mail[MX2].combined)])
    mxseal = Mxseal(world, find_binary(), external={MX1: "client"})
    with watched(world, mxseal):
        world.wait_all_verified(60)
        _take_over(world, mxseal, certbot)
        certbot.issue(Order.kept)
        _wait_served(certbot)
        certbot.issue(Order.new)
        _wait_served(certbot)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert mxseal.events("switch.verified", MX1), "the new key is served without a switch"


def _take_over(world: World, mxseal: Mxseal, certbot: Certbot) -> None:
    """The pair of today into mxseal's file, the MTA to that file, the hook, the agent."""
    combined = world.mail[MX1].combined
    keys.swap(combined, certbot.key_file().read_text() + certbot.chain_file().read_text())
    _read(world, str(combined))
    mxseal.run("hook", "install", "certbot")
    mxseal.start_agent()
    mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)


def _read(world: World, files: str) -> None:
    mail = world.mail[MX1]
    run(["postconf", "-c", str(mail.config), "-e", f"smtpd_tls_chain_files = {files}"])
    mail.reload()


def _wait_served(certbot: Certbot) -> None:
    newest = keys.leaf_of_file(certbot.chain_file())
    wait_until("certbot's newest pair is served", lambda: all(keys.leaf_on_wire(address, MX1) == newest for address in ENDPOINTS[MX1]), _PATIENCE, every=0.5)
