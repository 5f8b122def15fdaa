"""GET /metrics, read by a strict parser of Prometheus' text format."""

import re
from dataclasses import dataclass, field

from agents import Agent

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
VALUE = re.compile(r"-?(\d+(\.\d+)?(e[+-]?\d+)?|\+Inf|NaN)")
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    kind: str
    samples: dict[Labels, float] = field(default_factory=dict)


def parse(text: str) -> dict[str, Family]:
    """Families by name; AssertionError for anything that the format does not allow."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    name, helped = "", ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped, _, words = line.removeprefix("# HELP ").partition(" ")
            assert NAME.fullmatch(helped) and words and helped not in families, line
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert name == helped and kind in ("gauge", "counter"), line
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            families[name] = Family(kind)
        else:
            labels, value = read_sample(line, name)
            assert labels not in families[name].samples, f"twice: {line}"
            families[name].samples[labels] = value
    return families


def read_sample(line: str, family: str) -> tuple[Labels, float]:
    found = NAME.match(line)
    assert found and found.group() == family, f"a sample outside of its family: {line}"
    rest = line[found.end() :]
    labels = []
    if rest.startswith("{"):
        rest = rest[1:]
        while True:
            label = LABEL.match(rest)
            assert label, line
            value = re.sub(r"\\.", lambda escape: ESCAPES[escape.group()], label.group(2))
            labels.append((label.group(1), value))
            rest = rest[label.end() :]
            if rest.startswith("} "):
                break
            assert rest.startswith(","), line
            rest = rest[1:]
        rest = rest[1:]
    assert rest.startswith(" ") and VALUE.fullmatch(rest[1:]), line
    return tuple(sorted(labels)), float(rest[1:])


def scrape(agent: Agent) -> dict[str, Family]:
    answer = agent.api("GET", "/metrics", token=None)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse(answer.text)


def value(families: dict[str, Family], name: str, **labels: str) -> float:
    """Of the one sample that has these labels."""
    (found,) = [
        number
        for has, number in families[name].samples.items()
        if labels.items() <= dict(has).items()
    ]
    return found
