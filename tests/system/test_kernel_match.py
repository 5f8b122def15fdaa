"""Which service takes a connection: the kernel against the library, and the order of the rules one by one."""

import ipaddress
import json
import random

import pytest
from arctic_lab import Namespace
from kernel_probe import (
    CLIENT_NETS,
    DIRECT,
    ENTRY_NETS,
    GUEST_NETS,
    PORT,
    SERVER_NETS,
    Connection,
    Network,
    Service,
    service_id,
    taker,
)
from kernel_setup import ANY, FAMILIES, MODES, SERVER, StartProbe, assert_refused, everything, nft

# Mostly long ones, so that tables have holes; the tests' addresses differ in the last 16 bits.
LENGTHS = {
    4: (0, 13, 16, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 24, 32),
    6: (0, 14, 32, 113, 113, 114, 114, 114, 115, 115, 115, 116, 116, 120, 128),
}


def in_net(dice: random.Random, net: str) -> str:
    covered = ipaddress.ip_network(net)
    return str(covered[dice.randrange(1, min(covered.num_addresses, 1 << 16) - 1)])


def random_cidr(dice: random.Random, nets: list[str], version: int) -> str:
    """A prefix of any length that covers an address that the tests use, so that many routes match."""
    address = in_net(dice, dice.choice(nets))
    length = dice.choice(LENGTHS[version])
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def random_services(dice: random.Random, ids: list[str]) -> list[Service]:
    services = []
    for number, identity in enumerate(ids):
        service = Service(
            id=identity, interface="own0" if number == 0 else "", withdrawn=number > 0 and dice.random() < 0.1
        )
        for _ in range(0 if number == 0 and dice.random() < 0.3 else dice.randrange(2, 16)):
            version = dice.choice((0, 1))
            source = random_cidr(
                dice,
                [CLIENT_NETS[version], GUEST_NETS[version], ENTRY_NETS[version]],
                4 if version == 0 else 6,
            )
            destination = random_cidr(dice, [SERVER_NETS[version]], 4 if version == 0 else 6)
            kind = dice.randrange(4)
            service.routes.append(
                (source if kind != 0 else None, destination if kind != 1 else None, dice.choice((5, 7)))
            )
        services.append(service)
    dice.shuffle(services)
    return services


def random_flow(dice: random.Random, network: Network) -> tuple[Namespace, str, str, str]:
    version = dice.choice((0, 1))
    host, net, interface = dice.choice(
        (
            (network.client, CLIENT_NETS, "lan"),
            (network.guest, GUEST_NETS, "own0"),
            (network.entry, ENTRY_NETS, ""),  # made on the host itself
        )
    )
    return host, in_net(dice, net[version]), in_net(dice, SERVER_NETS[version]), interface


@pytest.mark.parametrize("mode", MODES)
def test_kernel_and_library_choose_the_same_service(network: Network, start: StartProbe, mode: str) -> None:
    dice = random.Random(f"{mode}-1")
    probe = start(table_mode=MODES[mode])
    ids = [service_id() for _ in range(7)]
    taken = set()
    # Each table is the one before changed, so that differences are tested and not only full loads.
    for number in range(9):
        probe.apply(*random_services(dice, ids[: (2, 5, 7)[number % 3]]))
        for _ in range(50):
            host, source, destination, interface = random_flow(dice, network)
            expected = probe.match(source, destination, interface)
            assert (
                taker(host, destination, source=source) == expected
            ), f"{source} to {destination} from {interface}"
            taken.add(expected)
    assert len(taken) == len(ids) + 1, "each service and the direct path should have won once"


def random_route(dice: random.Random) -> tuple[str | None, str | None, int]:
    drawn = random_services(dice, [service_id(), service_id()])
    return dice.choice(next(service for service in drawn if not service.interface).routes)


def change_a_little(dice: random.Random, services: list[Service]) -> None:
    """One route more, one less, or another priority; now and then a service steps aside or comes back."""
    service = dice.choice(services)
    what = dice.randrange(9)
    if what < 4 or not service.routes:
        service.routes.append(random_route(dice))
    elif what < 6:
        service.routes.pop(dice.randrange(len(service.routes)))
    elif what < 8:
        at = dice.randrange(len(service.routes))
        source, destination, priority = service.routes[at]
        service.routes[at] = (source, destination, 12 - priority)
    elif not service.interface:
        service.withdrawn = not service.withdrawn


def route_maps(network: Network) -> dict[str, set[str]]:
    """All elements of the maps of routes; what else is in the table knows the services by numbers of the moment."""
    listed = json.loads(nft(network.entry, "-j", "list", "table", "inet", "arctic"))["nftables"]
    maps = [item["map"] for item in listed if "map" in item and item["map"]["name"] != "by_mark"]
    return {one["name"]: {json.dumps(element) for element in one["elem"]} for one in maps}


def lookups(network: Network) -> list[str]:
    chains = [nft(network.entry, "list", "chain", "inet", "arctic", f"route{version}") for version in FAMILIES]
    return [line.strip() for chain in chains for line in chain.splitlines()]


@pytest.mark.parametrize("mode", MODES)
def test_a_table_of_small_changes_is_one_made_anew(network: Network, start: StartProbe, mode: str) -> None:
    """After many changes of one route each the kernel holds what it would have been given at once, and chooses as the library."""
    dice = random.Random(f"{mode}-2")
    probe = start(table_mode=MODES[mode])
    services = random_services(dice, [service_id() for _ in range(6)])
    services.sort(key=lambda service: not service.interface)
    for number in range(240):
        change_a_little(dice, services)
        probe.apply(*services)
        if number % 12 == 0:
            for _ in range(8):
                host, source, destination, interface = random_flow(dice, network)
                expected = probe.match(source, destination, interface)
                assert taker(host, destination, source=source) == expected, f"{source} to {destination} from {interface}"
    changed = route_maps(network), lookups(network)
    assert sum(map(len, changed[0].values())) > 20
    probe.stop()
    start(table_mode=MODES[mode]).apply(*services)
    assert (route_maps(network), lookups(network)) == changed


@pytest.mark.parametrize("version", FAMILIES)
@pytest.mark.parametrize("mode", MODES)
def test_order_of_rules(network: Network, start: StartProbe, version: int, mode: str) -> None:
    """The rules of the order one by one, each against the next weaker one, through the host and made on it."""
    probe = start(table_mode=MODES[mode])
    index = FAMILIES.index(version)
    wide, destination = ("10.0.0.0/8", "10.13.0.1") if version == 4 else ("fd00::/8", "fd13::1")
    far = SERVER_NETS[index]
    for host, near in ((network.client, CLIENT_NETS[index]), (network.entry, ENTRY_NETS[index])):
        older, younger = service_id(800), service_id(900)
        rows: list[tuple[Service, Service]] = [
            # Both before source only, source before destination, longer source, longer destination, priority, id.
            (Service([(wide, wide, 9)]), Service([(near, None, 1)])),
            (Service([(wide, None, 9)]), Service([(None, far, 1)])),
            (Service([(near, wide, 9)]), Service([(wide, far, 1)])),
            (Service([(wide, far, 9)]), Service([(wide, wide, 1)])),
            (Service([(None, wide, 1)], id=younger), Service([(None, wide, 2)], id=older)),
            (Service([(None, wide, 2)], id=older), Service([(None, wide, 2)], id=younger)),
        ]
        source = str(ipaddress.ip_network(near)[1])
        for winner, loser in rows:
            probe.apply(loser, winner)
            assert taker(host, destination, source=source) == winner.id, (host, winner, loser)


@pytest.mark.parametrize("version", FAMILIES)
def test_interface_class(network: Network, start: StartProbe, version: int) -> None:
    probe = start()
    index = FAMILIES.index(version)
    own = Service(interface="own0")
    strong = Service([(GUEST_NETS[index], SERVER_NETS[index], 1)])
    source, destination = ("10.12.0.7", "10.13.0.1") if version == 4 else ("fd12::7", "fd13::1")
    other = "10.11.0.7" if version == 4 else "fd11::7"
    probe.apply(own, strong)
    assert taker(network.guest, destination, source=source) == own.id
    assert taker(network.client, destination, source=other) == DIRECT
    # With routes it takes what they match: from its interface before all others, from elsewhere by their class.
    own.routes = [(None, SERVER_NETS[index], 50)]
    probe.apply(own, strong)
    assert taker(network.guest, destination, source=source) == own.id
    assert taker(network.client, destination, source=other) == own.id
    assert taker(network.guest, SERVER[version], source=source) == DIRECT


@pytest.mark.parametrize("mode", MODES)
def test_interface_that_goes_and_comes_back(network: Network, start: StartProbe, mode: str) -> None:
    """A service's interface need not be there; when it is, under this name, what arrives on it is the service's."""
    probe = start(table_mode=MODES[mode])
    own = Service(interface="own0")
    probe.apply(own)
    assert taker(network.guest, SERVER[4]) == own.id
    try:
        network.entry.ip("link set own0 name gone0")
        assert taker(network.guest, SERVER[4]) == taker(network.guest, SERVER[6]) == DIRECT
        assert probe.wrong() == {}
        probe.apply(own)
    finally:
        network.entry.ip("link set gone0 name own0")
    assert taker(network.guest, SERVER[4]) == taker(network.guest, SERVER[6]) == own.id


def test_withdrawn_and_blocked(network: Network, start: StartProbe) -> None:
    probe = start()
    first = Service([(None, ANY[0], 1), (None, ANY[1], 1)])
    second = Service([(None, ANY[0], 2)])
    probe.apply(first, second)
    assert taker(network.client, SERVER[4]) == first.id
    first.withdrawn = True
    probe.apply(first, second)
    assert [taker(network.client, SERVER[version]) for version in FAMILIES] == [second.id, DIRECT]
    first.withdrawn = False
    first.block = True
    probe.apply(first, second)
    assert_refused(network)
    first.block = False
    probe.apply(first, second)
    assert [taker(network.entry, SERVER[version]) for version in FAMILIES] == [first.id, first.id]


def test_odd_prefixes(network: Network, start: StartProbe) -> None:
    probe = start()
    odd = Service([("::10.0.0.0/104", None, 1), (None, "::1.2.3.4/128", 1), ("0.0.0.0/32", "0.0.0.0/1", 1)])
    far = Service(
        [
            ("128.0.0.0/1", None, 1),
            (None, "8000::/1", 1),
            ("::/0", "::/0", 1),
            ("0.0.0.0/0", "10.13.0.1/32", 1),
        ]
    )
    probe.apply(odd, far)
    assert taker(network.client, "10.13.0.1") == far.id
    assert taker(network.client, "fd13::1") == far.id
    assert taker(network.client, "10.13.0.2") == DIRECT


def test_nothing_to_do_commits_nothing(network: Network, start: StartProbe) -> None:
    probe = start()
    services = everything()
    probe.apply(*services)
    before = nft(network.entry, "-a", "list", "table", "inet", "arctic")
    probe.apply(*services)
    assert nft(network.entry, "-a", "list", "table", "inet", "arctic") == before
    probe.apply()
    empty = nft(network.entry, "list", "table", "inet", "arctic")
    assert "svc_" not in empty and "d4_0" not in empty and "cap_" not in empty
    assert taker(network.client, SERVER[4]) == DIRECT


@pytest.mark.parametrize("version", FAMILIES)
def test_captured_connection_knows_its_flow(network: Network, start: StartProbe, version: int) -> None:
    probe = start()
    probe.apply(*everything())
    for host, interface in ((network.client, "lan"), (network.guest, "own0"), (network.entry, "")):
        with Connection(host, SERVER[version]) as connection:
            address, port = connection.local[:2]
            written = (lambda text: f"[{text}]") if version == 6 else str
            assert connection.greeting["source"] == f"{written(address)}:{port}"
            assert connection.greeting["destination"] == f"{written(SERVER[version])}:{PORT}"
            assert connection.greeting["interface"] == interface
            assert connection.alive()


def test_counters_count_connections(network: Network, start: StartProbe) -> None:
    probe = start()
    first, second = Service([(None, SERVER_NETS[0], 1)]), Service([(None, SERVER_NETS[1], 1)])
    probe.apply(first, second)
    for destination in ("10.13.0.1", "10.13.0.2", "fd13::1"):
        taker(network.client, destination)
    taker(network.entry, "10.13.0.1")
    assert probe.tell("counters") == {first.id: 3, second.id: 1}
