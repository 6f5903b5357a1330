"""The addresses that AWS's own client (botocore) asks.

Argument: a key. On standard input: a region, an endpoint or "-", an addressing style and a bucket in each line. Prints the object's address for each; nothing
is sent.
"""
import sys

import boto3
from botocore.config import Config


class Asked(Exception):
    pass


def stop(request, **_):
    raise Asked(request.url)


for line in sys.stdin:
    region, endpoint, style, bucket = line.split()
    config = Config(s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"})
    s3 = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=None if endpoint == "-" else endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    s3.meta.events.register("before-send.s3", stop)
    try:
        s3.get_object(Bucket=bucket, Key=sys.argv[1])
    except Asked as asked:
        print(asked)
