"""Puts an installer together from a base and a plan of `stampwright stamp --plan`: assemble.py BASE PLAN OUT."""

import base64
import hashlib
import json
import os
import sys

CHUNK = 1 << 20


def digest(base):
    sha256 = hashlib.sha256()
    while chunk := base.read(CHUNK):
        sha256.update(chunk)
    return sha256.hexdigest()


def assemble(base, plan, out):
    for segment in plan["segments"]:
        if "put" in segment:
            out.write(base64.b64decode(segment["put"], validate=True))
            continue
        start, end = segment["keep"]
        base.seek(start)
        while start < end:
            chunk = base.read(min(CHUNK, end - start))
            if not chunk:
                raise SystemExit("the base is shorter than the plan says")
            out.write(chunk)
            start += len(chunk)


base_path, plan_path, out_path = sys.argv[1:]
with open(plan_path, encoding="utf-8") as file:
    plan = json.load(file)
if plan["version"] != 1:
    raise SystemExit(f"the plan has version {plan['version']}, must be 1")
with open(base_path, "rb") as base:
    # A server does this once per base, not per installer.
    if os.fstat(base.fileno()).st_size != plan["base"]["size"] or digest(base) != plan["base"]["sha256"]:
        raise SystemExit("the plan is of another base")
    with open(out_path, "xb") as out:
        assemble(base, plan, out)
        if out.tell() != plan["size"]:
            raise SystemExit(f"{out.tell()} bytes, must be {plan['size']}")
