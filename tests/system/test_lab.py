"""The lab measured with programs that know nothing of it: what it promises must hold before anything is tested on it."""

import json
import re
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from arctic_lab import (
    Connection,
    ContentCheck,
    End,
    Lab,
    LinkStats,
    Namespace,
    Port,
    Topology,
    http_get,
    http_upload,
    link_capacity,
    receiver_goodput,
    timed_get,
    wait_for,
)

# It is all about moments and rates.
pytestmark = pytest.mark.timing

SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SOL_PACKET = 263
PACKET_AUXDATA = 8
ETH_P_ALL = 3
LOCAL_ETHERTYPE = 0x88B5
UDP_PORT = 9000


def pings_ms(host: Namespace, address: str, count: int = 15) -> list[float]:
    """Each RTT, by the kernel's clock."""
    output = host.run("ping", "-c", str(count), "-i", "0.02", address).stdout
    return [float(ms) for ms in re.findall(r"time=([\d.]+)", output)]


def expect_delay(measure: Callable[[], list[float]], delay_ms: float) -> None:
    """Nothing comes early, ever; and all but what a busy machine held up comes within a millisecond."""
    for _ in range(3):
        times = measure()
        assert times and min(times) >= delay_ms
        if statistics.median(times) <= delay_ms + 1:
            break
    assert statistics.median(times) <= delay_ms + 1


def retried(measure: Callable[[], float], lowest: float, highest: float) -> float:
    """A busy machine makes a link slow now and then; it never makes one fast."""
    for _ in range(3):
        value = measure()
        assert value <= highest
        if value >= lowest:
            break
    return value


class Probe:
    """Numbered datagrams from one host to another."""

    def __init__(self, sender: Namespace, receiver: Namespace) -> None:
        self._towards = {"server": "exit", "client": "entry"}[receiver.name]
        self._sender = sender.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver = receiver.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._receiver.bind((receiver.ipv4, UDP_PORT))
        self._sender.connect((receiver.ipv4, UDP_PORT))
        # Neighbours on the LANs resolve now, not in the middle of a measurement.
        sender.run("ping", "-c", "1", receiver.ipv4)

    def send(self, numbers: Iterable[int], size: int = 8) -> None:
        for number in numbers:
            self._sender.send(number.to_bytes(8, "big").ljust(size, b"\xa5"))

    def arrivals(self) -> list[int]:
        """What has come so far, in its order; every one whole."""
        numbers: list[int] = []
        self._receiver.settimeout(0)
        while True:
            try:
                data = self._receiver.recv(2048)
            except BlockingIOError:
                return numbers
            assert data[8:] == b"\xa5" * (len(data) - 8)
            numbers.append(int.from_bytes(data[:8], "big"))

    def travel_ms(self) -> float:
        """
        One way, for one datagram, until the receiving kernel has it: when this process is woken to read it is
        the machine's affair and not the link's.
        """
        self._receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._receiver.settimeout(5)
        began = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self.send([0])
        _, ancillary, _, _ = self._receiver.recvmsg(8, 64)
        seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
        return float(seconds * 10**9 + nanoseconds - began) / 1e6

    def emptied(self, lab: Lab, sent: int) -> LinkStats:
        """Waits until the link has carried or lost all that was sent since the last reset."""

        def done() -> LinkStats | None:
            stats = lab.wan.stats()[self._towards]
            lost = stats.dropped_loss + stats.dropped_queue + stats.dropped_down
            arrived = stats.frames_in + stats.duplicated == stats.frames_out + lost
            return stats if stats.frames_in >= sent and arrived else None

        return wait_for(done, 20, f"{sent} frames through the link")

    def flood(self, lab: Lab, count: int, **settings: Any) -> tuple[list[int], LinkStats]:
        """Sends 0 to count-1, over a link with these settings, and returns what came."""
        lab.wan.reset()
        if settings:
            lab.wan.set(**settings)
        self.send(range(count))
        stats = self.emptied(lab, count)
        assert not stats.faults
        return self.arrivals(), stats


def lost_runs(arrived: list[int], count: int) -> list[int]:
    """The lengths of the runs of numbers that did not come."""
    came = set(arrived)
    return [len(list(run)) for lost, run in groupby(range(count), lambda number: number not in came) if lost]


# Delay


@pytest.mark.parametrize("delay_ms", [0, 0.7, 25.5, 150])
def test_round_trip_is_twice_the_delay(lab: Lab, delay_ms: float) -> None:
    lab.wan.set(delay_ms=delay_ms)
    for address in (lab.server.ipv4, lab.server.ipv6):
        expect_delay(partial(pings_ms, lab.client, address), 2 * delay_ms)


def test_each_direction_has_its_own_delay(lab: Lab) -> None:
    lab.wan.set(delay_ms=10, towards="exit")
    lab.wan.set(delay_ms=30, towards="entry")
    there, back = Probe(lab.client, lab.server), Probe(lab.server, lab.client)
    expect_delay(lambda: [there.travel_ms() for _ in range(7)], 10)
    expect_delay(lambda: [back.travel_ms() for _ in range(7)], 30)


# Rate and queue


def iperf3_mbit(lab: Lab, *options: str) -> float:
    # It is the link that is measured, and not what a busy machine leaves for both ends.
    iperf3 = ("nice", "-n", "-15", "iperf3")
    server = lab.server.start(*iperf3, "-s", "-1", "--forceflush")
    server.wait_for_output("listening")
    result = lab.client.run(*iperf3, "-c", lab.server.ipv4, "-J", "-t", "2", "-O", "1", *options)
    server.wait()
    return float(json.loads(result.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6


@pytest.mark.parametrize(("rate_mbit", "options"), [(20, ()), (100, ("-R",)), (400, ())])
def test_rate_counts_whole_frames(lab: Lab, rate_mbit: float, options: tuple[str, ...]) -> None:
    lab.wan.set(rate_mbit=rate_mbit, delay_ms=5)
    expected = link_capacity(rate_mbit)
    got = retried(lambda: iperf3_mbit(lab, *options), 0.97 * expected, 1.03 * expected)
    assert got == pytest.approx(expected, rel=0.03)
    for stats in lab.wan.stats().values():
        assert not stats.faults
        assert stats.bytes_in <= 1514 * stats.frames_in


def test_rate_can_change_while_frames_wait(lab: Lab) -> None:
    lab.wan.set(rate_mbit=1, queue_bytes=1_000_000)
    probe = Probe(lab.client, lab.server)
    lab.wan.reset()
    probe.send(range(100), size=1472)
    lab.wan.set(rate_mbit=100)
    began = time.monotonic()
    probe.emptied(lab, 100)
    assert time.monotonic() - began < 0.5  # 1.2 s at the old rate
    assert probe.arrivals() == list(range(100))


def test_queue_drops_what_exceeds_its_limit(lab: Lab) -> None:
    limit, burst = 40 * 1514, 300
    lab.wan.set(rate_mbit=5, queue_bytes=limit)
    probe = Probe(lab.client, lab.server)
    lab.wan.reset()
    probe.send(range(burst), size=1472)
    stats = probe.emptied(lab, burst)
    arrived = probe.arrivals()
    assert stats.queue_peak_bytes == limit
    # The hosts' own frames (neighbour discovery) may meet the full queue too.
    assert 0 <= stats.dropped_queue - (burst - len(arrived)) <= stats.frames_in - burst
    # One more is in transmission, and some leave while the burst still comes: 2.4 ms each.
    assert 41 <= len(arrived) <= 60
    assert arrived[:41] == list(range(41))


def test_queue_is_one_bdp_unless_told(lab: Lab) -> None:
    lab.wan.set(rate_mbit=80, delay_ms=50)
    assert lab.wan.stats()["exit"].queue_limit_bytes == 80e6 / 8 * 0.1
    lab.wan.set(delay_ms=0)
    assert lab.wan.stats()["exit"].queue_limit_bytes == 64 * 1514


# Loss


def test_loss_has_its_mean_in_each_direction(lab: Lab) -> None:
    lab.wan.set(loss_percent=2, towards="exit", seed=5)
    lab.wan.set(loss_percent=10, towards="entry", seed=5)
    for sender, receiver, mean in ((lab.client, lab.server, 0.02), (lab.server, lab.client, 0.1)):
        arrived, stats = Probe(sender, receiver).flood(lab, 20000)
        deviation = (mean * (1 - mean) * 20000) ** 0.5
        assert abs(20000 - len(arrived) - mean * 20000) < 4 * deviation
        assert stats.dropped_loss >= 20000 - len(arrived)


def test_bursts_keep_the_mean_and_lengthen_the_runs(lab: Lab) -> None:
    count = 40000
    probe = Probe(lab.client, lab.server)
    lab.wan.set(loss_percent=5, seed=2)
    single, _ = probe.flood(lab, count)
    lab.wan.set(loss_percent=5, burst_frames=8, seed=2)
    burst, _ = probe.flood(lab, count)
    assert 1 - len(single) / count == pytest.approx(0.05, abs=0.005)
    # 250 runs of mean 8: the deviation of their sum is 8 x sqrt(2 x 250) frames, 0.6 %.
    assert 1 - len(burst) / count == pytest.approx(0.05, abs=0.025)
    assert statistics.mean(lost_runs(single, count)) == pytest.approx(1.05, abs=0.05)
    assert statistics.mean(lost_runs(burst, count)) == pytest.approx(8, abs=2)


def test_a_seed_repeats_exactly(lab: Lab) -> None:
    probe = Probe(lab.client, lab.server)
    back = Probe(lab.server, lab.client)

    def alone(which: Probe, seed: int) -> list[int]:
        def run() -> list[int] | None:
            # A frame of the kernel's own, such as a multicast report, would take a draw; all since the seed are counted.
            arrived, stats = which.flood(
                lab, 3000, loss_percent=10, reorder_percent=5, reorder_ms=0, seed=seed
            )
            return sorted(arrived) if stats.frames_in == 3000 else None

        return wait_for(run, what="a run without frames of others")

    first = alone(probe, 7)
    assert alone(probe, 7) == first
    assert alone(probe, 8) != first
    assert alone(back, 7) != first


# Order and integrity


def test_order_is_kept_also_when_the_delay_shrinks(lab: Lab) -> None:
    probe = Probe(lab.client, lab.server)
    lab.wan.reset()
    for number, delay in enumerate((40, 20, 5, 0)):
        lab.wan.set(delay_ms=delay)
        probe.send(range(1000 * number, 1000 * (number + 1)))
    probe.emptied(lab, 4000)
    assert probe.arrivals() == list(range(4000))


def test_reordering_delays_the_share_asked_for(lab: Lab) -> None:
    lab.wan.set(delay_ms=2, reorder_percent=10, reorder_ms=5, seed=3)
    arrived, stats = Probe(lab.client, lab.server).flood(lab, 5000)
    assert sorted(arrived) == list(range(5000))
    assert arrived != list(range(5000))
    assert stats.reordered == pytest.approx(500, abs=100)


def test_duplicates_and_corruption(lab: Lab) -> None:
    probe = Probe(lab.client, lab.server)
    lab.wan.set(duplicate_percent=5, seed=3)
    arrived, stats = probe.flood(lab, 5000)
    assert stats.duplicated == pytest.approx(250, abs=70)
    assert len(arrived) - 5000 == pytest.approx(stats.duplicated, abs=5)
    assert sorted(set(arrived)) == list(range(5000))
    lab.wan.set(duplicate_percent=0, corrupt_percent=5)
    arrived, stats = probe.flood(lab, 5000)
    # The checksums of IPv4 and UDP cover every bit behind the Ethernet header, and the receiver looks at them.
    assert stats.corrupted == pytest.approx(250, abs=70)
    assert 5000 - len(arrived) == pytest.approx(stats.corrupted, abs=5)


def test_vlan_tags_cross_the_link(lab: Lab) -> None:
    sender, receiver = (host.socket(socket.AF_PACKET, socket.SOCK_RAW) for host in (lab.entry, lab.exit))
    with sender, receiver:
        sender.bind(("wan", 0))
        # Only sockets for all protocols see frames while their tag is known.
        receiver.bind(("wan", ETH_P_ALL))
        receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        receiver.settimeout(5)
        addresses, rest = b"\xff" * 6 + b"\x02" + bytes(5), struct.pack("!H", LOCAL_ETHERTYPE) + b"payload"
        sender.send(addresses + struct.pack("!HH", 0x8100, 5) + rest)
        frame = b""
        while frame != addresses + rest:
            frame, ancillary, _, _ = receiver.recvmsg(2048, 128)
        tag = struct.unpack("IIIHHHH", ancillary[0][2])[5]  # struct tpacket_auxdata, tp_vlan_tci
        assert tag == 5


# Partition


def test_a_partition_stops_everything_and_heals(lab: Lab) -> None:
    lab.server.serve("echo", 7)
    lab.wan.set(delay_ms=20)
    with Connection(lab.client, lab.server.ipv4, 7) as connection:
        connection.send(b"before")
        assert connection.receive_exactly(6) == b"before"
        lab.wan.down()
        assert (
            lab.client.run("ping", "-c", "2", "-i", "0.02", "-W", "0.2", "10.2.0.2", check=False).returncode
            == 1
        )
        connection.send(b"behind")
        lab.wan.up()
        assert connection.receive_exactly(6) == b"behind"
    assert lab.wan.stats()["exit"].dropped_down >= 3


def test_a_partition_of_one_direction(lab: Lab) -> None:
    there, back = Probe(lab.client, lab.server), Probe(lab.server, lab.client)
    lab.wan.down(towards="exit")
    arrived, stats = there.flood(lab, 10)
    assert arrived == [] and stats.dropped_down >= 10
    assert back.flood(lab, 10)[0] == list(range(10))
    lab.wan.up(towards="exit")
    assert there.flood(lab, 10)[0] == list(range(10))


def test_a_partition_loses_what_is_under_way(lab: Lab) -> None:
    probe = Probe(lab.client, lab.server)
    lab.wan.set(delay_ms=1000)
    lab.wan.reset()
    probe.send(range(10))
    wait_for(lambda: lab.wan.stats()["exit"].frames_in >= 10, what="frames on the link")
    lab.wan.down()
    lab.wan.set(delay_ms=0)
    lab.wan.up()
    probe.send([10])
    probe.emptied(lab, 11)
    assert probe.arrivals() == [10]


def test_wrong_settings_change_nothing(lab: Lab) -> None:
    lab.wan.set(delay_ms=1)
    with pytest.raises(ValueError, match="loss_percent=101"):
        lab.wan.set(delay_ms=2, loss_percent=101)
    with pytest.raises(ValueError, match="entry"):
        lab.wan.set(delay_ms=2, towards="nowhere")
    assert lab.wan.stats()["exit"].settings["delay_ms"] == 1


# Servers, clients and measurements


def test_content_is_checked_both_ways(lab: Lab) -> None:
    lab.server.serve("http", 80)
    lab.wan.set(delay_ms=10)
    for address in (lab.server.ipv4, lab.server.ipv6):
        transfer = http_get(lab.client, address, 80, 1_000_000, seed=4)
        assert 0.020 <= transfer.connect_seconds < transfer.first_byte_seconds < transfer.seconds
        assert transfer.first_byte_seconds >= 0.040
        http_upload(lab.client, address, 80, 1_000_000, seed=4)
    with Connection(lab.client, lab.server.ipv4, 80) as connection:
        connection.send(b"GET /bytes/1000?seed=1 HTTP/1.1\r\n\r\n")
        other = connection.receive_exactly(1000)
    with pytest.raises(ValueError, match="differs at byte 0"):
        ContentCheck(seed=4).feed(other)


def test_servers_end_as_they_promise(lab: Lab) -> None:
    for kind, port in (("banner", 1), ("half-close", 2), ("silent", 5)):
        lab.server.serve(kind, port)
    lab.server.serve("reset-after-sending", 3, "--bytes", "100000")
    lab.server.serve("reset-after-receiving", 4, "--bytes", "1000")

    def connect(port: int) -> Connection:
        return Connection(lab.client, lab.server.ipv6, port, timeout=5)

    with connect(1) as connection:
        assert connection.receive_line().startswith(b"220 lab fd01::2 ")
    with connect(2) as connection:
        connection.send(b"abc")
        connection.finish()
        answer, end = connection.receive_to_end()
        assert json.loads(answer)["bytes"] == 3 and end is End.FIN
    with connect(3) as connection:
        data, end = connection.receive_to_end()
        assert len(data) == 100000 and end is End.RESET
    with connect(4) as connection:
        connection.send(bytes(1000))
        assert connection.receive_to_end() == (b"", End.RESET)
    with connect(5) as connection, pytest.raises(TimeoutError):
        connection.socket.settimeout(0.5)
        while True:
            connection.send(bytes(1 << 20))


def test_goodput_and_timed_get_see_the_link(lab: Lab) -> None:
    lab.server.serve("http", 80)
    lab.wan.set(rate_mbit=50, delay_ms=10)
    server = lab.server.ipv4

    def steady() -> float:
        return statistics.median(receiver_goodput(lab.client, server, 80, 2).windows_mbit)

    capacity = link_capacity(50)
    assert retried(steady, 0.97 * capacity, 1.03 * capacity) == pytest.approx(capacity, rel=0.03)
    # Two round trips until the first byte, and the time of the bytes on the link.
    least = 0.040 + 1_000_000 * 8 / (capacity * 1e6)
    assert least <= timed_get(lab.client, server, 80, 1_000_000) <= least + 0.2


# Topologies


def test_a_lan_of_three_and_two_labs_side_by_side(lab: Lab) -> None:
    with Topology() as other:
        hosts = [other.host(name) for name in ("one", "two", "three")]
        other.lan("switch", *(Port(host, "lan", (f"10.1.0.{i}/24",)) for i, host in enumerate(hosts, 1)))
        lab.wan.set(delay_ms=10)
        assert statistics.median(pings_ms(hosts[0], "10.1.0.3")) < 5
        assert min(pings_ms(lab.client, "10.2.0.2")) >= 20
