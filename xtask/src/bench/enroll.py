"""A fleet that enrolls all at once: each device with a key of its own and requests that it signs.

Arguments: the server's address, how many devices. The token comes on standard input. Keys are made before the clock starts; two processes share
the work, each over one connection. Prints seconds, enrolled devices and refused ones.
"""
import base64
import hashlib
import http.client
import json
import multiprocessing
import sys
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PROCESSES = 2
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


def work(address, devices, begin, results):
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/v1/enroll/hello")
    nonce = json.loads(connection.getresponse().read())["nonce"]
    begin.wait()
    enrolled, refused = 0, 0
    for key, thumbprint, body, digest in devices:
        parameters = f'{COMPONENTS};created=1;keyid="{thumbprint}";alg="ecdsa-p256-sha256";nonce="{nonce}";tag="agent-1"'
        base = (f'"@method": POST\n"@authority": {address}\n"@path": /v1/enrollments\n"@query": ?\n'
                f'"content-digest": {digest}\n"@signature-params": {parameters}')
        r, s = decode_dss_signature(key.sign(base.encode(), ec.ECDSA(hashes.SHA256())))
        signature = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        connection.request("POST", "/v1/enrollments", body, {
            "content-type": "application/json", "content-digest": digest,
            "signature-input": f"dev={parameters}", "signature": f"dev=:{signature}:",
        })
        answer = connection.getresponse()
        answer.read()
        nonce = answer.headers["agent-nonce"]
        enrolled += answer.status == 201
        refused += answer.status != 201
    results.put((enrolled, refused))


def main():
    address, count, token = sys.argv[1].split("://")[1], int(sys.argv[2]), sys.stdin.read().strip()
    begin, results = multiprocessing.Event(), multiprocessing.Queue()
    devices = [device(token, number) for number in range(count)]
    processes = [multiprocessing.Process(target=work, args=(address, devices[at::PROCESSES], begin, results)) for at in range(PROCESSES)]
    for process in processes:
        process.start()
    time.sleep(1)
    start = time.monotonic()
    begin.set()
    counts = [results.get() for _ in processes]
    print(time.monotonic() - start, sum(enrolled for enrolled, _ in counts), sum(refused for _, refused in counts))


main()
