"""Our own conversations: questions that any assistant can answer and the demo model can pretend to."""

from typing import Final

CONVERSATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "How do I open a file and read its lines?",
        "What happens when the file does not exist?",
        "How can I write the same lines to another file?",
    ),
    (
        "What is a dictionary, and when should I use one instead of a list?",
        "How do I remove a key that may not be there?",
        "Can I sort a dictionary by its values?",
    ),
    (
        "What does it mean when a function raises an exception?",
        "How do I catch it and go on?",
        "When should I let it pass to the caller?",
    ),
    (
        "How do I send a request to a server and wait for the answer?",
        "What should I do when the server does not answer in time?",
        "How can I keep the connection open for the next request?",
    ),
)
"""Turns of one conversation build on each other, conversations do not."""

STEADY: Final = (
    "Explain step by step how a program opens a text file, reads it line by line, counts how often every word occurs, "
    "and prints the ten most frequent words with their counts. Say what can go wrong at each step."
)
"""The turn that ``sustained`` repeats."""
