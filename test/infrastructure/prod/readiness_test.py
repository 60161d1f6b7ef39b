"""Rules of infrastructure/prod/readiness.py that take time or a kernel to meet; run by readiness.test.ts."""

import pathlib
import sys
import tempfile
import unittest
from unittest import mock

INFRASTRUCTURE = pathlib.Path(__file__).parents[3] / "infrastructure"
sys.path[:0] = [str(INFRASTRUCTURE / "prod"), str(INFRASTRUCTURE / "pods")]

import readiness  # noqa: E402

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue\n"
ANYWHERE, LOOPBACK = "00000000", "0100007F"


class RulesTest(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        self.addresses = []
        patcher = mock.patch.object(readiness, "listening_addresses", lambda port: self.addresses)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.program = readiness.Readiness(8080, clock=lambda: self.now)

    def test_a_program_that_does_not_listen_is_ready_after_the_settle_time(self):
        self.now = readiness.SETTLE_SECONDS - 0.1
        self.assertEqual(self.program.check(), (False, "starting"))
        self.now = readiness.SETTLE_SECONDS
        self.assertEqual(self.program.check(), (True, "running"))

    def test_a_program_that_listens_later_is_ready_only_while_it_listens(self):
        self.now = readiness.SETTLE_SECONDS
        self.addresses = [ANYWHERE]
        self.assertTrue(self.program.check()[0])
        self.addresses = []
        self.assertEqual(self.program.check(), (False, "no longer listens on port 8080"))

    def test_a_program_that_served_and_completed_is_ready(self):
        self.addresses = [ANYWHERE]
        self.program.check()
        self.addresses = []
        self.program.complete()
        self.assertEqual(self.program.check(), (True, "completed"))

    def test_listening_on_loopback_only_never_becomes_ready(self):
        self.now = readiness.SETTLE_SECONDS * 10
        self.addresses = [LOOPBACK]
        self.assertFalse(self.program.check()[0])

    def test_a_program_that_stops_is_not_ready(self):
        self.program.complete()
        self.program.stop()
        self.assertEqual(self.program.check(), (False, "stopping"))


class KernelTableTest(unittest.TestCase):
    def addresses_in(self, *lines):
        with tempfile.NamedTemporaryFile("w", suffix=".tcp") as table:
            table.write(HEADER + "".join(lines))
            table.flush()
            return readiness.listening_addresses(8080, tables=(table.name, "/nonexistent/tcp6"))

    def test_finds_sockets_that_listen_on_the_port_and_no_others(self):
        listening = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n"
        connected = "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000\n"
        other_port = "   2: 00000000:1F91 00000000:0000 0A 00000000:00000000\n"
        self.assertEqual(self.addresses_in(listening, connected, other_port), [ANYWHERE])

    def test_knows_loopback_in_every_form(self):
        for address in (LOOPBACK, "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"):
            self.assertTrue(readiness.is_loopback(address), address)
        for address in (ANYWHERE, "0" * 32, "0500F40A", "0000000000000000FFFF00000500F40A"):
            self.assertFalse(readiness.is_loopback(address), address)


if __name__ == "__main__":
    unittest.main()
