"""An S3 client of AWS's own making (boto3): makes buckets, puts, reads and lists, for tests to compare with."""

import sys

import boto3
from botocore.config import Config


def main(endpoint: str, action: str, bucket: str, *rest: str) -> None:
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                      aws_secret_access_key="test", config=config)
    if action == "make":
        s3.create_bucket(Bucket=bucket)
    elif action == "put":
        key, path, *more = rest
        metadata = dict(pair.split("=", 1) for pair in more if "=" in pair)
        checksum = {"ChecksumAlgorithm": "SHA256"} if "checksum" in more else {}
        with open(path, "rb") as file:
            s3.put_object(Bucket=bucket, Key=key, Body=file, Metadata=metadata, **checksum)
    elif action == "delete":
        s3.delete_object(Bucket=bucket, Key=rest[0])
    elif action == "get":
        key, path = rest
        found = s3.get_object(Bucket=bucket, Key=key)
        with open(path, "wb") as file:
            file.write(found["Body"].read())
        print(found["ContentType"], found.get("ContentDisposition", ""), found["ETag"])
    elif action == "list":
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            print("object", one["Key"])
        for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            print("upload", one["Key"])


main(*sys.argv[1:])
