"""Rules of sandbox/production-pod/readiness.py and drain.py that take time or a kernel to meet; run by readiness.test.ts."""

import contextlib
import io
import pathlib
import socket
import sys
import tempfile
import unittest
from unittest import mock

SANDBOX = pathlib.Path(__file__).parents[3] / "sandbox"
sys.path[:0] = [str(SANDBOX / "production-pod"), str(SANDBOX / "shared")]

import await_database  # noqa: E402
import drain  # noqa: E402
import listening  # noqa: E402
import readiness  # noqa: E402

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue\n"
ANYWHERE, LOOPBACK = bytes(4), socket.inet_pton(socket.AF_INET, "127.0.0.1")


class DatabaseTest(unittest.TestCase):
    def test_packets_that_are_dropped_at_first_delay_a_program_only_a_little(self):
        now = [0.0]
        attempts = []

        def connect(address, seconds):
            attempts.append(seconds)
            now[0] += seconds
            if now[0] < 5.0:
                raise TimeoutError
            return mock.Mock()

        with (
            mock.patch.dict("os.environ", {"PGHOST": "database", "PGPORT": "5432"}),
            mock.patch.object(await_database.socket, "create_connection", connect),
            mock.patch.object(await_database.time, "monotonic", lambda: now[0]),
            mock.patch.object(await_database.time, "sleep", lambda seconds: None),
        ):
            self.assertIsNone(await_database.await_database(set()))
        self.assertEqual(set(attempts[:29]), {await_database.EAGER_CONNECT_SECONDS})
        self.assertEqual(attempts[-1], await_database.CONNECT_SECONDS)


class RulesTest(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        self.addresses = []
        patcher = mock.patch.object(readiness, "listening_addresses", lambda port: self.addresses)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.ports_by_address = {}
        patch = mock.patch.object(
            readiness, "all_listening_addresses", lambda except_port: [text for text, port in self.ports_by_address.items() if port != except_port]
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.program = readiness.Readiness(8080, clock=lambda: self.now)

    def test_a_program_that_does_not_listen_is_ready_after_the_settle_time(self):
        self.now = readiness.SETTLE_SECONDS - 0.1
        self.assertEqual(self.program.check(), (False, "starting"))
        self.now = readiness.SETTLE_SECONDS
        self.assertEqual(self.program.check(), (True, "running"))

    def test_a_program_that_is_known_to_serve_is_not_ready_before_it_listens(self):
        program = readiness.Readiness(8080, serves=True, clock=lambda: self.now)
        self.now = readiness.SETTLE_SECONDS * 10
        self.assertEqual(program.check(), (False, "starting"))
        self.addresses = [ANYWHERE]
        self.assertTrue(program.check()[0])

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

    def test_says_once_where_a_program_listens_that_no_request_reaches(self):
        self.ports_by_address = {"0.0.0.0:18080": 18080}
        for serves in (True, False):
            self.now = 0.0
            program = readiness.Readiness(8080, 18080, serves=serves, clock=lambda: self.now)
            self.now = readiness.SETTLE_SECONDS
            self.assertEqual(self.said(program.check), "")
            self.ports_by_address["0.0.0.0:5000"] = 5000
            self.assertEqual(
                self.said(program.check),
                "orchestration: the program listens on 0.0.0.0:5000, where no request reaches it: listen on 0.0.0.0:$PORT\n",
            )
            self.assertEqual(self.said(program.check), "")
            del self.ports_by_address["0.0.0.0:5000"]

    def said(self, action):
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            action()
        return stderr.getvalue()

    def test_a_program_that_stops_is_not_ready(self):
        self.program.complete()
        self.program.stop()
        self.assertEqual(self.program.check(), (False, "stopping"))


class DrainTest(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.connected = True
        patcher = mock.patch.object(drain, "has_connections", lambda port: self.connected)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.drain = drain.Drain(8080, clock=lambda: self.now)

    def test_lasts_until_routes_are_gone_even_without_connections(self):
        self.connected = False
        self.now += drain.ROUTES_SECONDS - 0.1
        self.assertFalse(self.drain.is_over())
        self.now += 0.1
        self.assertTrue(self.drain.is_over())

    def test_lasts_until_the_last_connection_is_gone(self):
        self.now += drain.DRAIN_SECONDS - 0.1
        self.assertFalse(self.drain.is_over())
        self.connected = False
        self.assertTrue(self.drain.is_over())

    def test_ends_in_spite_of_a_connection_that_stays(self):
        self.now += drain.DRAIN_SECONDS
        self.assertTrue(self.drain.is_over())


class ListeningTest(unittest.TestCase):
    def addresses_in(self, *lines):
        with tempfile.NamedTemporaryFile("w", suffix=".tcp") as table:
            table.write(HEADER + "".join(lines))
            table.flush()
            sockets = listening.sockets_in_tables(listening.LISTENING, tables=(table.name, "/nonexistent/tcp6"))
            return [address for address, port in sockets if port == 8080]

    def test_finds_sockets_that_listen_on_the_port_and_no_others_in_a_table(self):
        listens = "   0: 0500F40A:1F90 00000000:0000 0A 00000000:00000000\n"
        mapped = "   1: 0000000000000000FFFF00000100007F:1F90 00000000:0000 0A 00000000:00000000\n"
        connected = "   2: 0100007F:1F90 0100007F:C001 01 00000000:00000000\n"
        other_port = "   3: 00000000:1F91 00000000:0000 0A 00000000:00000000\n"
        self.assertEqual(
            self.addresses_in(listens, mapped, connected, other_port),
            [address_of("10.244.0.5"), address_of("::ffff:127.0.0.1")],
        )

    def test_finds_the_same_by_diag_and_in_the_tables(self):
        for family, address, loopback in (
            (socket.AF_INET, "0.0.0.0", False),
            (socket.AF_INET, "127.0.0.1", True),
            (socket.AF_INET6, "::", False),
            (socket.AF_INET6, "::1", True),
        ):
            with self.subTest(address), socket.socket(family) as server:
                server.bind((address, 0))
                port = server.getsockname()[1]
                looks = (listening.sockets_by_diag, listening.sockets_in_tables, listening.sockets_of)
                found = lambda: [[its for its, at in look(listening.LISTENING) if at == port] for look in looks]  # noqa: E731
                self.assertEqual(found(), [[], [], []])
                server.listen()
                expected = [[address_of(address)]] * len(looks)
                self.assertEqual(found(), expected)
                self.assertEqual(listening.serves(port), not loopback)
                with socket.create_connection((("127.0.0.1", "::1")[family == socket.AF_INET6], port)):
                    self.assertEqual(found(), expected)

    def test_finds_what_is_connected_to_a_port_and_what_waits_for_an_answer(self):
        looks = (
            listening.has_connections,
            lambda port: any(its == port for _, its in listening.sockets_in_tables(listening.CONNECTED)),
        )
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assertEqual([look(port) for look in looks], [False, False])
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, (_, clients_port) = server.accept()
                self.assertEqual([look(port) for look in looks], [True, True])
                client.shutdown(socket.SHUT_WR)
                self.assertEqual([look(port) for look in looks], [True, True])
                accepted.close()
            self.assertEqual([look(port) for look in looks], [False, False])

    def test_reads_the_tables_where_the_kernel_knows_no_diag(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with mock.patch.object(listening, "NETLINK_SOCK_DIAG", 31):
                self.assertRaises(OSError, listening.sockets_by_diag, listening.LISTENING)
                self.assertEqual(listening.listening_addresses(port), [LOOPBACK])

    def test_gives_addresses_as_texts_from_both_sources(self):
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(
            ("::1", 0), family=socket.AF_INET6
        ) as other:
            expected = {f"127.0.0.1:{one.getsockname()[1]}", f"[::1]:{other.getsockname()[1]}"}
            self.assertLessEqual(expected, set(listening.all_listening_addresses()))
            with mock.patch.object(listening, "NETLINK_SOCK_DIAG", 31):
                self.assertLessEqual(expected, set(listening.all_listening_addresses()))

    def test_finds_one_among_hundreds(self):
        with contextlib.ExitStack() as many:
            servers = [many.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(900)]
            port = servers[450].getsockname()[1]
            self.assertIn((LOOPBACK, port), listening.sockets_by_diag(listening.LISTENING))

    def test_knows_loopback_in_every_form(self):
        for text in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
            self.assertTrue(listening.is_loopback(address_of(text)), text)
        for text in ("0.0.0.0", "::", "10.244.0.5", "::ffff:10.244.0.5", "7f00::1", "::1:0"):
            self.assertFalse(listening.is_loopback(address_of(text)), text)


def address_of(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


if __name__ == "__main__":
    unittest.main()
