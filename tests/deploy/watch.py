"""Serves the functions with `cargo lambda watch` against a deployed stack's table and queue, and invokes
them with the events in tests/events, as README tells a developer to.

Expects a stack that has caught up: the run finds nothing new, and the events' page is an old one.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = "127.0.0.1"
# A change since the last build is compiled on the first invocation.
INVOKE_SECONDS_MAX = 900
READY_SECONDS_MAX = 30

NOTHING_LEFT = {"batchItemFailures": []}
CASES = [
    ("fetcher", "schedule.json", {"end": "source", "caught_up": True, "pages": 0}),
    ("processor", "pages.json", NOTHING_LEFT),
    ("fetcher", "dead-letters.json", NOTHING_LEFT),
    # What is parked was told of before.
    ("digest", "digest.json", {"sent": 0, "errors": 0}),
]


def invoke(port, function, event):
    command = ["cargo", "lambda", "invoke", function, "--invoke-address", ADDRESS, "--invoke-port", str(port)]
    command += ["--data-file", str(ROOT / "tests" / "events" / event)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INVOKE_SECONDS_MAX, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"FAILED: cargo lambda invoke {function} {event}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stack", required=True)
    arguments.add_argument("--stage", required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--log", required=True)
    asked = arguments.parse_args()

    described = boto3.client("cloudformation").describe_stacks(StackName=asked.stack)["Stacks"][0]
    stack = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    environment = {
        "TIDEGATE_STAGE": asked.stage,
        "TIDEGATE_TABLE": stack["StateTableName"],
        "TIDEGATE_QUEUE_URL": stack["PageQueueUrl"],
        "TIDEGATE_STACK": asked.stack,
        "TIDEGATE_TOPIC_ARN": stack["DigestTopicArn"],
    }
    with open(asked.log, "w", encoding="utf-8") as log:
        command = ["cargo", "lambda", "watch", "--invoke-address", ADDRESS, "--invoke-port", str(asked.port)]
        served = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log)
        try:
            began = time.monotonic()
            while "starting Runtime server" not in Path(asked.log).read_text(encoding="utf-8"):
                if served.poll() is not None or time.monotonic() - began > READY_SECONDS_MAX:
                    sys.exit("FAILED: cargo lambda watch does not serve")
                time.sleep(0.2)
            for function, event, expected in CASES:
                answer = invoke(asked.port, function, event)
                holds = expected.items() <= answer.items()
                print(f"        invoke {function:10} {event:18} {json.dumps(answer)[:60]}{'' if holds else '  NO'}")
                if not holds:
                    sys.exit(f"FAILED: expected {expected}")
        finally:
            # It ends the functions that it started.
            served.send_signal(signal.SIGINT)
            served.wait(timeout=20)


main()
