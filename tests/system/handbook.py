"""The commands of the service management page: what it tells operators to type, taken out of its running text.

The page is plain text, in which commands stand in lines of their own, in sentences, and run into the words that follow them
("arctic peers list2. Create the service"). A command is therefore read word by word, by the shape that its words can have, and ends
where a word does not fit.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("service-management.txt")

PLACEHOLDERS = (
    "TARGET_PEER_ID",
    "SOURCE_PEER_ID",
    "SERVICE_ID",
    "ROUTE_ID",
    "PEER_ID",
    "INTERFACE_NAME",
    "AGENT_IP",
)

# A word of an `arctic` command after the two that name it.
_WORD = re.compile(
    r"""
      --[a-z0-9-]+?(?=curl|[^a-z0-9-]|$)        # a flag
    | peer_[0-9A-Z]+\.\.\.                      # an id that the page cuts short
    | (?:%s)                                    # a value that the reader fills in
    | [0-9a-f:.]+/[0-9]+                        # a network
    | [0-9]+
    | tcp | kcp
    """
    % "|".join(PLACEHOLDERS),
    re.VERBOSE,
)
_NAME = re.compile(r"arctic ([a-z]+)(?: ([a-z]+?)(?=curl|[^a-z]|$))?")
_SPACE = re.compile(r" +(?:\\\n)? *|\\\n *")
_LOOP = re.compile(r"^for .*?\ndone", re.MULTILINE | re.DOTALL)
_CURL_WORD = re.compile(r"""'[^']*'|"[^"]*"|[^\s'"\\]+""")
_OTHER = re.compile(r"(?:journalctl -u arctic(?: \| grep netmgr)?|nft list table inet arctic|ip link delete INTERFACE_NAME)")


@dataclass(frozen=True)
class Command:
    """One command of the page, as it is to be typed, and the line where it begins."""

    line: int
    text: str

    @property
    def program(self) -> str:
        return self.text.split()[0]

    def __str__(self) -> str:
        words = re.sub(r"[^A-Za-z0-9]+", "-", self.text.replace("http://AGENT_IP:8080/v1", "").replace("curl -X ", ""))
        return f"{self.line}-{words.strip('-')[:70]}"


def _words_end(text: str, end: int, word: re.Pattern[str]) -> int:
    """Where the last of the words that follow one another from `end` ends."""
    while gap := _SPACE.match(text, end):
        found = word.match(text, gap.end())
        if not found:
            break
        end = found.end()
    return end


def _begins_command(text: str, start: int) -> bool:
    """Not the name of the product or of its files, such as in `-u arctic` or `inet arctic`."""
    return not re.search(r"(?:-u|inet|/) ?$", text[max(0, start - 6) : start])


def commands(text: str) -> list[Command]:
    """All commands of a page, in its order."""
    spans = [(found.start(), found.end()) for found in _LOOP.finditer(text)]
    for found in _NAME.finditer(text):
        if _begins_command(text, found.start()):
            spans.append((found.start(), _words_end(text, found.end(), _WORD)))
    spans.extend((found.start(), _words_end(text, found.end(), _CURL_WORD)) for found in re.finditer("curl(?= -X)", text))
    spans.extend((found.start(), found.end()) for found in _OTHER.finditer(text))
    taken: list[Command] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:  # else it is within a loop
            taken.append(Command(text.count("\n", 0, start) + 1, text[start:stop]))
            end = stop
    return taken
