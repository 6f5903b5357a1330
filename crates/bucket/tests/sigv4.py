"""AWS's own signer (botocore) signs requests again that it reads as they were sent, with the same key at the same time.

Arguments: the key's id, its secret, its session or "-", the region, the time in seconds since 1970. On standard input: the heads of requests.
Prints a line for each: the method, the signed headers, and "equal" or what differs.
"""
import datetime
import sys
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

key, secret, session, region, seconds = sys.argv[1:]
now = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *_, **__: now
credentials = Credentials(key, secret, None if session == "-" else session)

for head in filter(None, sys.stdin.buffer.read().decode().split("\r\n\r\n")):
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    path, _, query = target.partition("?")
    query = dict(parse_qsl(query, keep_blank_values=True))
    ours = {name: query.pop(name) for name in list(query) if name.startswith("X-Amz-")}
    signed = ours["X-Amz-SignedHeaders"].split(";")
    # The path in botocore's own encoding of a key.
    url = f"http://{headers['host']}{quote(unquote(path), safe='/~')}"
    sent = {name: headers[name] for name in signed if name != "host"}
    request = AWSRequest(method, url, headers=sent, params=query)
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", region, expires=int(ours["X-Amz-Expires"])).add_auth(request)
    parts = urlsplit(request.url)
    theirs = {name: value for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in query}
    differs = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
    if parts.path != path:
        differs.append(f"the path {parts.path}")
    print(method, ";".join(signed), f"differs: {', '.join(differs)}" if differs else "equal")
