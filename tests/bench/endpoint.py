#!/usr/bin/env python3
"""The HTTPS endpoint beside its peers, on loopback, all on this machine.

  endpoint.py --build DIR [--only cpu,names,scale,peers,hostile] [--fetches N] [--rounds N] [--domains N]

cpu    CPU of the server for one full TLS 1.3 handshake with GET and close, one certificate, against nginx in alternating rounds;
       instructions and system calls beside it
names  the same over 10,000 random names: while each is asked for the first time, and when all have been
scale  --domains names (100,000): start, memory after load, reload under load
peers  start, memory after load over random names and reload of nginx, Caddy and haproxy with 10,000 names
hostile  how long real fetches take while 10,000 clients of bad manners come back as often as they are closed
CPU is the scheduler's nanoseconds of the serving process; every ratio is of medians taken in one run.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ANSWER_MAX = 120  # seconds that a start may take


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def family(pid):
    out = [pid]
    for child in children(pid):
        out += family(child)
    return out


def cpu_ns(pids):
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


def pss_mb(pids):
    total = 0
    for pid in pids:
        total += int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1))
    return total / 1024


class Server:
    """A server under test; `stop` ends the process that was started, by its pid."""

    def __init__(self, name, command, port, environment=None):
        self.name, self.port = name, port
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def pids(self):
        return family(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder, self.prefix = pathlib.Path(build).resolve(), folder, []

    def sites(self, count, pem=False, generation=1, name=None):
        where = self.folder / (name or f"sites{count}")
        where.mkdir(exist_ok=True)
        command = [self.build / "tests/bench/bench_endpoint_sites", where, str(count), "--generation", str(generation)]
        subprocess.run(command + (["--pem"] if pem else []), check=True)
        return where

    def fetch(self, port, names, count, threads=4, seed=1, pause_ms=0):
        command = [self.build / "tests/bench/bench_endpoint_fetch", str(port), names, str(count), str(threads), str(seed), str(pause_ms)]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)

    def one_name(self, name):
        names = self.folder / "one-name"
        names.write_text(name + "\n")
        return names

    def until_answered(self, server, name):
        """Seconds from the start of the process to the first policy under `name`."""
        names = self.one_name(name)
        while time.monotonic() - server.started < ANSWER_MAX:
            try:
                socket.create_connection(("127.0.0.1", server.port), 1).close()
            except OSError:
                if server.process.poll() is not None:
                    raise SystemExit(f"{server.name} ended with {server.process.returncode}")
                time.sleep(0.005)
                continue
            if self.fetch(server.port, names, 1, 1)["fetched"] == 1:
                return time.monotonic() - server.started
        raise SystemExit(f"{server.name} answered nothing in {ANSWER_MAX} s")

    # The peers, each as an admin who minds speed would set it: no tickets, no log, no keep-alive.
    def mxseal(self, sites, threads=1):
        port, status = free_port(), free_port()
        server = Server("mxseal", self.prefix + [self.build / "mxseal", "serve", "--snapshot", sites / "snapshot", "--listen", f"127.0.0.1:{port}",
                                   "--status", f"127.0.0.1:{status}", "--threads", str(threads)], port)
        server.status = status
        return server

    def nginx(self, sites):
        port = free_port()
        where = self.folder / f"nginx{port}"
        where.mkdir()
        text = [f"daemon off; user root; worker_processes 1; pid {where}/pid; error_log {where}/error.log; events {{ worker_connections 4096; }}", "http {",
                f"access_log off; keepalive_timeout 0; server_tokens off; ssl_session_tickets off; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256; server_names_hash_max_size 65536;",
                f"client_body_temp_path {where}/b; proxy_temp_path {where}/p; fastcgi_temp_path {where}/f; uwsgi_temp_path {where}/u; scgi_temp_path {where}/s;"]
        for name in (sites / "names").read_text().split():
            body = policy(name[8:])
            text.append(f"server {{ listen 127.0.0.1:{port} ssl backlog=4096 deferred; server_name {name}; ssl_certificate {sites}/{name}.pem; ssl_certificate_key {sites}/{name}.pem; "
                        f"location = /.well-known/mta-sts.txt {{ default_type text/plain; return 200 \"{body}\"; }} }}" if not text[-1].startswith("server {") else
                        f"server {{ listen 127.0.0.1:{port} ssl; server_name {name}; ssl_certificate {sites}/{name}.pem; ssl_certificate_key {sites}/{name}.pem; "
                        f"location = /.well-known/mta-sts.txt {{ default_type text/plain; return 200 \"{body}\"; }} }}")
        text.append("}")
        config = where / "nginx.conf"
        config.write_text("\n".join(text))
        server = Server("nginx", self.prefix + ["nginx", "-c", config], port)
        server.pem = lambda name: sites / f"{name}.pem"
        server.reload = lambda: server.process.send_signal(signal.SIGHUP)
        return server

    def haproxy(self, sites):
        port = free_port()
        where = self.folder / f"haproxy{port}"
        (where / "certs").mkdir(parents=True)
        lines = []
        for name in (sites / "names").read_text().split():
            os.link(sites / f"{name}.pem", where / "certs" / f"{name}.pem")
            body = where / f"{name}.txt"
            body.write_text(policy(name[8:]))
            if len(lines) < 1:
                lines.append(f"  http-request return status 200 content-type text/plain file {body}")
        # One body for all: haproxy would read ten thousand files otherwise. The name that is asked for is the first one's.
        config = where / "haproxy.cfg"
        config.write_text("global\n  nbthread 1\n  tune.ssl.default-dh-param 2048\ndefaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 5s\n"
                          f"frontend f\n  bind 127.0.0.1:{port} ssl crt {where}/certs no-tls-tickets\n" + "\n".join(lines) + "\n")
        server = Server("haproxy", ["haproxy", "-W", "-db", "-f", config], port)
        server.pem = lambda name: where / "certs" / f"{name}.pem"
        server.reload = lambda: server.process.send_signal(signal.SIGUSR2)
        return server

    def caddy(self, sites):
        port = free_port()
        where = self.folder / f"caddy{port}"
        where.mkdir()
        names = (sites / "names").read_text().split()
        files = [{"certificate": f"{sites}/{name}.pem", "key": f"{sites}/{name}.pem"} for name in names]
        routes = [{"match": [{"path": ["/.well-known/mta-sts.txt"]}], "handle": [{"handler": "static_response", "body": "version: STSv1\r\nmx: mx1.{http.request.host}\r\nmx: mx1." + names[-1][8:] + "\r\n"}]}]
        config = where / "caddy.json"
        admin = free_port()
        config.write_text(json.dumps({"admin": {"listen": f"127.0.0.1:{admin}"}, "logging": {"logs": {"default": {"level": "ERROR"}}}, "apps": {
            "http": {"servers": {"s": {"listen": [f"127.0.0.1:{port}"], "routes": routes, "tls_connection_policies": [{}], "automatic_https": {"disable": True}}}},
            "tls": {"certificates": {"load_files": files}}}}))
        server = Server("caddy", ["caddy", "run", "--config", config], port, {**os.environ, "HOME": str(where), "GOMAXPROCS": "1"})
        server.pem = lambda name: sites / f"{name}.pem"
        # Without the field Caddy leaves a configuration alone that has not changed, whatever its files hold.
        ask = urllib.request.Request(f"http://127.0.0.1:{admin}/load", data=config.read_bytes(), headers={"Content-Type": "application/json", "Cache-Control": "must-revalidate"})
        server.reload = lambda: urllib.request.urlopen(ask, timeout=ANSWER_MAX).close()
        return server

    def instructions(self, start, sites):
        """Instructions a fetch outside the kernel, as valgrind counts them (virtual machines often have no counters): those of a long run less those of a short one."""
        if not shutil.which("valgrind"):
            return None
        totals = []
        for count in (20, 120):
            where = self.folder / f"instructions-{start.__name__}-{count}"
            where.mkdir()
            self.prefix = ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={where}/%p"]
            server = start(sites)
            self.prefix = []
            self.until_answered(server, (sites / "names").read_text().split()[0])
            self.fetch(server.port, sites / "names", count, 1)
            server.stop()
            totals.append(sum(int(re.search(r"^(?:summary|totals): (\d+)", file.read_text(), re.M).group(1)) for file in where.iterdir()))
        return (totals[1] - totals[0]) / 100

    def system_calls(self, server, names, count):
        if not shutil.which("strace"):
            return None
        out = self.folder / "strace"
        strace = subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(server.pids()[-1])], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        self.fetch(server.port, names, count)
        strace.send_signal(signal.SIGINT)
        strace.wait()
        total = re.search(r"^100\.\S+\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total$", out.read_text(), re.M)
        return int(total.group(1)) / count if total else None


def policy(domain):
    return f"version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n"


def rounds_of(bench, servers, names, fetches, rounds):
    """CPU us a fetch, by server and round, in alternating order."""
    used = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else servers[::-1]:
            before = cpu_ns(server.pids())
            result = bench.fetch(server.port, names, fetches, seed=number + 1)
            if result["failed"]:
                raise SystemExit(f"{server.name}: {result['failed']} fetches failed")
            used[server.name].append((cpu_ns(server.pids()) - before) / fetches / 1000)
    return used


def print_duel(used, title, more=lambda name: ""):
    ratios = [a / b for a, b in zip(used["mxseal"], used["nginx"])]
    print(f"\n{title}: {len(ratios)} alternating rounds")
    for name, shown in used.items():
        print(f"  {name:8} CPU us a fetch: median {statistics.median(shown):6.1f}, {min(shown):6.1f} .. {max(shown):6.1f}{more(name)}")
    print(f"  ratio round by round: median {statistics.median(ratios):.3f} ({min(ratios):.3f} .. {max(ratios):.3f}); of the medians {statistics.median(used['mxseal']) / statistics.median(used['nginx']):.3f}", flush=True)
    return statistics.median(ratios)


def duel(bench, sites, fetches, rounds, title):
    servers = [bench.mxseal(sites), bench.nginx(sites)]
    names = sites / "names"
    every = names.read_text().split()
    try:
        for server in servers:
            bench.until_answered(server, every[-1])
            bench.fetch(server.port, sites / "names" if len(every) == 1 else bench.one_name(every[-1]), 200)
        if len(every) > 1:
            # Six rounds of a tenth of the names: three quarters of what is asked for are asked for the first time.
            print_duel(rounds_of(bench, servers, names, len(every) // 10, 6), f"{title}, most of them for the first time")
            for server in servers:
                bench.fetch(server.port, names, 2 * len(every))
        used = rounds_of(bench, servers, names, fetches, rounds)
        calls = {server.name: bench.system_calls(server, names, 300) for server in servers}
    finally:
        for server in servers:
            server.stop()
    # With thousands of names nginx starts for minutes under valgrind.
    counted = {start.__name__: bench.instructions(start, sites) for start in (bench.mxseal, bench.nginx)} if len(every) == 1 else {}
    shown = lambda name: "".join(f", {value:,.{digits}f} {what}" for value, digits, what in ((calls[name], 1, "system calls"), (counted.get(name), 0, "instructions")) if value)
    return print_duel(used, title, shown)


def next_generation(snapshot, into):
    """The same sites as another generation: mta-sts-server/snapshot_record.hpp says where it stands. Making as many certificates anew takes minutes."""
    octets = bytearray(snapshot.read_bytes())
    octets[-80:-72] = (2).to_bytes(8, "little")
    octets[-32:] = hashlib.sha256(octets[:-32]).digest()
    into.write_bytes(octets)
    into.chmod(0o600)


def scale(bench, count):
    sites = bench.sites(count)
    newer = sites / "newer"
    next_generation(sites / "snapshot", newer)
    names = (sites / "names").read_text().split()
    server = bench.mxseal(sites, threads=2)
    try:
        seconds = bench.until_answered(server, names[-1])
        fresh = pss_mb(server.pids())
        bench.fetch(server.port, sites / "names", 20000)
        loaded = pss_mb(server.pids())
        load = subprocess.Popen([bench.build / "tests/bench/bench_endpoint_fetch", str(server.port), sites / "names", "8000", "4", "7"], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        os.rename(newer, sites / "snapshot")
        begin = time.monotonic()
        server.process.send_signal(signal.SIGHUP)
        generation = 0
        while generation != 2 and time.monotonic() - begin < 60:
            with socket.create_connection(("127.0.0.1", server.status)) as ask:
                ask.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = b""
                while block := ask.recv(4096):
                    answer += block
            generation = json.loads(answer.split(b"\r\n\r\n", 1)[1])["generation"]
        reload = time.monotonic() - begin
        during = json.loads(load.communicate()[0])
        size = os.path.getsize(sites / "snapshot") / 1e6
        print(f"\n{count:,} domains, each with its certificate: snapshot {size:.0f} MB")
        print(f"  start to the last name answered {seconds * 1000:.0f} ms; PSS {fresh:.1f} MB, after 20,000 fetches over random names {loaded:.1f} MB")
        print(f"  reload of the whole set {reload * 1000:.0f} ms under load: {during['fetched']} fetched, {during['failed']} failed, longest {during['max_ms']:.0f} ms")
        return seconds < 1 and loaded < 200 and reload < 1 and during["failed"] == 0
    finally:
        server.stop()


def certificate(port, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 30) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.getpeercert(binary_form=True)


def until_renewed(bench, server, name):
    """Seconds from the wish to reload until a new certificate of `name` is shown; all the others are read again with it."""
    before = certificate(server.port, name)
    if server.name != "mxseal":
        fresh = bench.sites(1, pem=True, name=f"fresh-{server.name}") / f"{name}.pem"
        os.replace(fresh, server.pem(name))
    begin = time.monotonic()
    server.reload()
    while time.monotonic() - begin < ANSWER_MAX:
        try:
            if certificate(server.port, name) != before:
                return time.monotonic() - begin
        except OSError:
            pass # a listener that is handed over
        time.sleep(0.005)
    return None


def peers(bench):
    sites = bench.sites(10000, pem=True, name="peers")
    newer = bench.sites(10000, generation=2, name="peers-newer")
    names = (sites / "names").read_text().split()

    def ours(where):
        server = bench.mxseal(where)
        server.reload = lambda: (os.rename(newer / "snapshot", where / "snapshot"), server.process.send_signal(signal.SIGHUP))
        return server

    print(f"\n10,000 names:\n  {'server':8} {'start':>10} {'PSS after load':>15} {'reload':>10}")
    for start, program, name in ((ours, "mxseal", names[-1]), (bench.nginx, "nginx", names[-1]), (bench.haproxy, "haproxy", names[0]), (bench.caddy, "caddy", names[-1])):
        if start != ours and not shutil.which(program):
            print(f"  {program:8} is not installed")
            continue
        server = start(sites)
        try:
            seconds = bench.until_answered(server, name)
            bench.fetch(server.port, sites / "names", 10000) # haproxy and Caddy have one body for all: only the load counts
            memory = pss_mb(server.pids())
            reload = until_renewed(bench, server, names[0])
            print(f"  {server.name:8} {seconds:8.2f} s {memory:12.1f} MB {f'{reload:8.2f} s' if reload is not None else 'never'}", flush=True)
        finally:
            server.stop()


def hostile(bench, seconds):
    sites = bench.sites(1, pem=True)
    name = (sites / "names").read_text().split()[0]
    server = bench.mxseal(sites, threads=2)
    try:
        bench.until_answered(server, name)
        crowd = subprocess.Popen([bench.build / "tests/unit/mta-sts-server/hostile_clients", str(server.port), "10000", str(seconds), name], stdout=subprocess.PIPE, text=True)
        result = bench.fetch(server.port, sites / "names", seconds * 60, threads=2, pause_ms=20)
        said = " ".join(crowd.communicate()[0].split())
        print(f"\n10,000 hostile clients ({said}): {result['fetched']} real fetches, {result['failed']} failed; "
              f"half within {result['p50_ms']:.0f} ms, 99 of 100 within {result['p99_ms']:.0f} ms, the longest {result['max_ms']:.0f} ms, the longest connect {result['connect_max_ms']:.0f} ms; PSS {pss_mb(server.pids()):.1f} MB")
        return result["failed"] == 0 and result["max_ms"] < 1000
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="cpu,names,scale,peers,hostile")
    parser.add_argument("--fetches", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--domains", type=int, default=100000)
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mxseal-bench-"))
    broken = []
    try:
        bench = Bench(arguments.build, folder)
        if not shutil.which("nginx") and {"cpu", "names"} & set(chosen):
            print("nginx is not installed: nothing to compare with (scripts/bootstrap --peers)")
            chosen = [part for part in chosen if part not in ("cpu", "names")]
        # DESIGN: at most 0.90 of nginx's CPU with one certificate, 0.95 over random names.
        if "cpu" in chosen and duel(bench, bench.sites(1, pem=True), arguments.fetches, arguments.rounds, "one certificate") > 0.90:
            broken.append("CPU with one certificate is above 0.90 of nginx's")
        if "names" in chosen and duel(bench, bench.sites(10000, pem=True), arguments.fetches, arguments.rounds, "10,000 random names") > 0.95:
            broken.append("CPU over random names is above 0.95 of nginx's")
        if "scale" in chosen and not scale(bench, arguments.domains):
            broken.append("start, memory or reload of the whole set is over its bound (1 s, 200 MB, 1 s, nothing failed)")
        if "peers" in chosen:
            peers(bench)
        if "hostile" in chosen and not hostile(bench, 15):
            broken.append("a real sender was not answered within a second among hostile clients")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in broken:
        print(f"bound broken: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
