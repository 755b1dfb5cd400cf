"""Clients of the proxy, and upstreams that misbehave."""

import contextlib
import http.client
import socket
import threading


class Load:
    """Threads that repeat a request, each on a connection of its own, to the end of the context."""

    def __init__(self, port, clients, path="/", body=None):
        self.ends = threading.Event()
        self.threads = [
            threading.Thread(target=self.repeat, args=(port, "POST" if body else "GET", path, body))
            for _ in range(clients)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join()

    def repeat(self, port, method, path, body):
        while not self.ends.is_set():
            # Failures are what much of this is about.
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.converse(port, method, path, body)
            self.ends.wait(0.02)

    def converse(self, port, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            while not self.ends.wait(0.02):
                connection.request(method, path, body)
                connection.getresponse().read()


@contextlib.contextmanager
def sent(port, data, count=1):
    """So many connections that have sent this and read nothing."""
    with contextlib.ExitStack() as open_connections:
        for _ in range(count):
            client = open_connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(data)
        yield


@contextlib.contextmanager
def mute():
    """An upstream that accepts connections, reads nothing and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def fickle():
    """An upstream that answers the first request of a connection, and closes it on the second."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        threading.Thread(target=answer_once_each, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def answer_once_each(listener):
    # Until the listener is shut down.
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer_once, args=(connection,), daemon=True).start()


def answer_once(connection):
    with connection, contextlib.suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1 << 16)


@contextlib.contextmanager
def full():
    """An upstream whose backlog is full: connecting to it takes for ever."""
    with contextlib.ExitStack() as waiting:
        listener = waiting.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
