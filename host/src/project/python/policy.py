"""Puts a greeting on every response."""

from lockgate import Edits, Faults, Head, Interest


class Policy:
    """One for each configuration. What it keeps is a cache: instances come and go."""

    def __init__(self, config: dict):
        greeting = config.pop("greeting", None)
        faults = [(name, "there is no such setting") for name in config]
        if not isinstance(greeting, str):
            faults.append(("greeting", "must be a text"))
        if faults:
            raise Faults(faults)
        self.greeting = greeting

    def interest(self) -> Interest:
        """The whole of its power, which the operator grants."""
        return Interest(response_write=["x-greeting"])

    def on_response(self, head: Head, state: bytes) -> Edits:
        return Edits().set("x-greeting", self.greeting)
