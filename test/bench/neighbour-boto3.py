"""What people write: a thread pool over one client of boto3, with the retries that botocore has."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, pool_id, names, threads, mode = sys.argv[1:]
config = Config() if mode == "default" else Config(retries={"mode": mode})
client = boto3.client("cognito-idp", endpoint_url=endpoint, config=config)
failed = 0


def confirm(username):
    global failed
    try:
        client.admin_confirm_sign_up(UserPoolId=pool_id, Username=username)
    except Exception:
        failed += 1


def tell(*_):
    print(json.dumps({"failed": failed}), flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, tell)
with open(names) as lines, ThreadPoolExecutor(int(threads)) as pool:
    for line in lines:
        pool.submit(confirm, line.strip())
tell()
