"""The demo's measurements: the same transfers over the direct path and through Arctic, beside what the link allows."""

import hashlib
import statistics
from dataclasses import dataclass
from typing import Any

from demo_screen import heading, indented, shown

from arctic_lab import Content, Lab, link_capacity, receiver_goodput, timed_get

WAN: dict[str, Any] = {"delay_ms": 50.0, "rate_mbit": 100.0, "loss_percent": 0.5}
ROUND_TRIP = 2 * WAN["delay_ms"] / 1000
PORT = 80
BULK_SEED, GET_SEED, CONTENT_SEED = 1, 2, 7
DOWNLOAD_BYTES = 50_000_000
GET_BYTES = 100_000


class WrongContent(RuntimeError):
    """A download brought other bytes than were sent."""


@dataclass(frozen=True)
class Effort:
    """How long things are measured."""

    direct_seconds: float
    gets: int


@dataclass(frozen=True)
class Result:
    """What one path gave, or what the link allows."""

    goodput_mbit: float
    get_seconds: float


def _with_gets(goodput_mbit: float, lab: Lab, gets: int) -> Result:
    indented(f"{goodput_mbit:.1f} Mbit/s; now {gets} GETs of {GET_BYTES / 1000:g} KB ...")
    lab.wan.set(**WAN, seed=GET_SEED)
    get = statistics.median(timed_get(lab.client, lab.server.ipv4, PORT, GET_BYTES) for _ in range(gets))
    indented(f"{get * 1000:.0f} ms for a GET, at the median")
    return Result(goodput_mbit, get)


def measure_direct(lab: Lab, effort: Effort) -> Result:
    heading(f"The direct path, without Arctic: a download for {effort.direct_seconds:g} s, then small GETs")
    lab.wan.set(**WAN, seed=BULK_SEED)
    goodput = receiver_goodput(lab.client, lab.server.ipv4, PORT, effort.direct_seconds)
    return _with_gets(goodput.mbit, lab, effort.gets)


def _download(lab: Lab) -> float:
    """With curl; returns Mbit/s."""
    target = lab.directory / "download"
    url = f"http://{lab.server.ipv4}/bytes/{DOWNLOAD_BYTES}?seed={CONTENT_SEED}"
    told = "%{http_code} %{size_download} bytes in %{time_total} s"
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--output",
        str(target),
        "--write-out",
        told,
        url,
    ]
    lab.wan.set(**WAN, seed=BULK_SEED)
    shown("client", command)
    output = lab.client.run(*command, timeout=120).stdout
    indented(output)
    with target.open("rb") as file:
        received = hashlib.file_digest(file, "sha256").hexdigest()
    sent = Content(CONTENT_SEED).sha256(DOWNLOAD_BYTES)
    indented(f"sha256 received  {received}\nsha256 sent      {sent}")
    if received != sent:
        raise WrongContent("the download differs from what was sent")
    target.unlink()
    return DOWNLOAD_BYTES * 8 / 1e6 / float(output.split()[-2])


def measure_carried(lab: Lab, effort: Effort) -> Result:
    megabytes = DOWNLOAD_BYTES / 1e6
    heading(f"The same client and server through Arctic: a download of {megabytes:g} MB, then small GETs")
    return _with_gets(_download(lab), lab, effort.gets)


# The table


def _row(name: str, result: Result, link: Result) -> tuple[str, ...]:
    return (
        name,
        f"{result.goodput_mbit:.1f} Mbit/s",
        f"{100 * result.goodput_mbit / link.goodput_mbit:.1f} %",
        f"{result.get_seconds * 1000:.0f} ms",
        f"{result.get_seconds / ROUND_TRIP:.2f}",
        f"{100 * link.get_seconds / result.get_seconds:.0f} %",
    )


def _notes(effort: Effort) -> str:
    return f"""
The link: {WAN["rate_mbit"]:g} Mbit/s, {ROUND_TRIP * 1000:g} ms round trip, {WAN["loss_percent"]:g} % of all packets lost in each direction.
Bulk:     one download over one connection, for {effort.direct_seconds:g} s directly and of {DOWNLOAD_BYTES / 1e6:g} MB through Arctic.
          The link allows its rate x 1448/1514 (headers) x {1 - WAN["loss_percent"] / 100:g} (loss).
GET:      {GET_BYTES / 1000:g} KB from connect to last byte, each over a new client connection; median of {effort.gets}.
          The link allows one round trip and the time of the bytes on it."""


def table(direct: Result, carried: Result, effort: Effort) -> str:
    capacity = link_capacity(WAN["rate_mbit"], WAN["loss_percent"])
    link = Result(capacity, ROUND_TRIP + GET_BYTES * 8 / (capacity * 1e6))
    form = "{:<22} {:>14} {:>12}   {:>10} {:>14} {:>12}"
    head = ("", "bulk download", "of the link", "100 KB GET", "in round trips", "of the link")
    rows = [
        _row("direct TCP (cubic)", direct, link),
        _row("via Arctic", carried, link),
        _row("what the link allows", link, link),
    ]
    lines = [form.format(*words) for words in (head, *rows)]
    lines.insert(1, "-" * len(lines[0]))
    bulk = carried.goodput_mbit / direct.goodput_mbit
    get = direct.get_seconds / carried.get_seconds
    lines += ["", f"Through Arctic the download ran {bulk:.1f} times as fast, the GETs {get:.1f} times."]
    return "\n".join(lines) + "\n" + _notes(effort)


def faults(lab: Lab) -> str:
    """What the emulator could not carry; empty where the measurements hold."""
    found = {end: stats.faults for end, stats in lab.wan.stats().items() if stats.faults}
    return f"This machine was too busy to emulate the link exactly, measure again: {found}" if found else ""
