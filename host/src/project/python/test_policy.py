"""Runs without the gateway and without WebAssembly: python3 -m unittest"""

import unittest

from lockgate import Faults, Head
from policy import Policy


class Tests(unittest.TestCase):
    def test_a_response_is_greeted(self):
        policy = Policy({"greeting": "ahoy"})
        edits = policy.on_response(Head.of({":status": "200"}), b"")
        self.assertEqual(edits.changes, [("=", "x-greeting", b"ahoy")])
        self.assertIn("x-greeting", policy.interest().response_write)

    def test_a_configuration_without_a_greeting_is_refused(self):
        with self.assertRaises(Faults):
            Policy({"greting": "ahoy"})
