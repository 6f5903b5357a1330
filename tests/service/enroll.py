"""An agent on other people's libraries: PyJWT reads the token, http-message-signatures signs every request.

Arguments: the server's address. The token comes on standard input. Enrolls twice, confirms, checks in, and sends a request whose content
was changed after it was signed. Prints the device, or the problem that the first answer was.
"""
import base64
import hashlib
import json
import sys

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

COVERED = ("@method", "@authority", "@path", "@query", "content-digest")

server, token = sys.argv[1], sys.stdin.read().strip()
session = requests.Session()
session.trust_env = False  # no proxy between this and a server on the same machine
key = ec.generate_private_key(ec.SECP256R1())
jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
jwk = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()

# The token itself, under the keys that the server publishes.
keys = session.get(f"{server}/v1/jwks").json()["keys"]
header = jwt.get_unverified_header(token)
issuer = jwt.PyJWK(next(one for one in keys if one["kid"] == header["kid"]), algorithm=header["alg"])
claims = jwt.decode(token, issuer.key, algorithms=[header["alg"]], options={"require": ["exp", "iat", "jti"]})


class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return key

    def resolve_public_key(self, key_id):
        return key.public_key()


signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Keys())


def post(path, document, spoil=None):
    nonce = session.get(f"{server}/v1/enroll/hello").json()["nonce"]
    body = json.dumps(document).encode()
    request = requests.Request("POST", server + path, data=body, headers={"Content-Type": "application/json"}).prepare()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    request.headers["Content-Digest"] = f"sha-256=:{digest}:"
    request.headers["Host"] = server.split("://")[1]
    signer.sign(request, key_id=thumbprint, label="dev", nonce=nonce, tag="agent-1", include_alg=True,
                use_existing_digest=True, covered_component_ids=COVERED)
    if spoil:
        request.body = spoil(request.body)
    answer = session.send(request)
    return answer.status_code, answer.json()


agent = {"product": claims["product"], "version": "9.0.0", "os": "python", "arch": "any"}
fingerprint = {"v": 1, "class": "unknown", "parts": []}
wish = {"token": token, "key": jwk, "agent": agent, "hostname": "python", "hardware_fingerprint": fingerprint}
status, enrolled = post("/v1/enrollments", wish)
if status != 201:
    print(json.dumps(enrolled))
    sys.exit(0)
assert enrolled["tenant"] == claims["tenant"], enrolled
status, again = post("/v1/enrollments", wish)
assert status == 200 and again["device_id"] == enrolled["device_id"], (status, again)
device = f"/v1/devices/{enrolled['device_id']}"
status, said = post(f"{device}/confirm", {})
assert status == 200, (status, said)
status, said = post(f"{device}/checkins", {"generation": enrolled["generation"], "agent": agent})
assert status == 200 and said["generation"] == enrolled["generation"] + 1, (status, said)
status, said = post(f"{device}/checkins", {"generation": 1, "agent": agent}, lambda body: body.replace(b"1", b"2"))
assert status == 401 and said["type"].endswith(":signature-wrong"), (status, said)
print(json.dumps({"device_id": enrolled["device_id"], "tenant": enrolled["tenant"]}))
