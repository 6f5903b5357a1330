"""A fleet that enrolls all at once: each device with a key of its own, a nonce of its own and a request that it signs.

Arguments: the server's address, how many devices. The token comes on standard input. Keys, nonces and signatures are made before the clock
starts, so that what is measured is the server and little else; two processes share the work, each over sixteen connections, and each
connection has one request under way. Prints seconds, enrolled devices and refused ones.
"""
import base64
import hashlib
import http.client
import json
import multiprocessing
import re
import socket
import sys
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PROCESSES = 2
CONNECTIONS = 16
COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")'


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def device(token, number):
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    jwk = {"crv": "P-256", "kty": "EC", "x": text(point.x.to_bytes(32, "big")), "y": text(point.y.to_bytes(32, "big"))}
    canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    part = lambda kind: {"kind": kind, "h": hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:32]}
    body = json.dumps({
        "token": token, "key": jwk, "hostname": f"desk-{number}",
        "agent": {"product": "Fleet", "version": "1.0.0", "os": "linux", "arch": "x86_64"},
        "hardware_fingerprint": {"v": 1, "class": "physical", "parts": [part("system_serial"), part("board_serial"), part("mac")]},
    }).encode()
    digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
    return key, text(hashlib.sha256(canonical).digest()), body, digest


def request(address, nonce, key, thumbprint, body, digest):
    parameters = f'{COMPONENTS};created=1;keyid="{thumbprint}";alg="ecdsa-p256-sha256";nonce="{nonce}";tag="agent-1"'
    base = (f'"@method": POST\n"@authority": {address}\n"@path": /v1/enrollments\n"@query": ?\n'
            f'"content-digest": {digest}\n"@signature-params": {parameters}')
    r, s = decode_dss_signature(key.sign(base.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    head = (f"POST /v1/enrollments HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"content-digest: {digest}\r\nsignature-input: dev={parameters}\r\nsignature: dev=:{signature}:\r\n\r\n")
    return head.encode() + body


def status(connection, request):
    connection.sendall(request)
    answer = receive(connection, b"")
    while b"\r\n\r\n" not in answer:
        answer = receive(connection, answer)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)\ncontent-length: *(\d+)", head)[1])
    while len(body) < length:
        body = receive(connection, body)
    return int(head.split(b" ", 2)[1])


def receive(connection, before):
    more = connection.recv(65536)
    if not more:
        raise ConnectionError("the server has closed the connection")
    return before + more


def work(address, devices, ready, begin, results):
    connection = http.client.HTTPConnection(address)
    requests = []
    for device in devices:
        connection.request("GET", "/v1/enroll/hello")
        requests.append(request(address, json.loads(connection.getresponse().read())["nonce"], *device))
    host, port = address.split(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(CONNECTIONS)]
    statuses = []

    def ask(at):
        connections[at].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        statuses.extend(status(connections[at], request) for request in requests[at::CONNECTIONS])

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(CONNECTIONS)]
    ready.release()
    begin.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((statuses.count(201), len(devices) - statuses.count(201)))


def main():
    address, count, token = sys.argv[1].split("://")[1], int(sys.argv[2]), sys.stdin.read().strip()
    ready, begin, results = multiprocessing.Semaphore(0), multiprocessing.Event(), multiprocessing.Queue()
    devices = [device(token, number) for number in range(count)]
    processes = [multiprocessing.Process(target=work, args=(address, devices[at::PROCESSES], ready, begin, results)) for at in range(PROCESSES)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    start = time.monotonic()
    begin.set()
    counts = [results.get() for _ in processes]
    print(time.monotonic() - start, sum(enrolled for enrolled, _ in counts), sum(refused for _, refused in counts))


main()
