"""Readers of databases: a query's rows in batches, inside one read-only transaction.

What goes wrong is a `Refusal` in words of ours. A server's message may hold an address, a user or a patient's value, so
that it is repeated only where it concerns the text of the query itself.
"""
