"""Why a database could not be read, in words that reveal nothing of its address and its rows."""

from __future__ import annotations

import re


class Refusal(Exception):
    """One reason and a way out; `of_query`: it concerns the query, not the connection."""

    def __init__(self, reason: str, of_query: bool = True) -> None:
        super().__init__(reason)
        self.of_query = of_query


def timed_out(seconds: float) -> Refusal:
    """A query that took longer than it may."""
    return Refusal(
        f"the query took longer than {seconds:g} seconds and was stopped; set `timeout`, or make the query faster"
    )


def lost() -> Refusal:
    """A connection that broke while rows were read."""
    return Refusal("the connection to the database broke while the rows were read; run it again", of_query=False)


def about_query(message: str) -> str:
    """A database's message about the text of a query, in one short line."""
    return re.sub(r"\s+", " ", message.partition("\nLINE")[0].partition("\n\n")[0]).strip().rstrip(".;")[:200]
