"""Drives a deployed stack until every order has arrived, then checks what it left behind.

Looks at data only: the destination's audit, the cursor, the queues. A log says that something was
tried, not that it happened. AWS_ENDPOINT_URL names the emulator; see `run`.
"""

import argparse
import json
import sys
import time
import urllib.request
from pathlib import Path

import boto3

STAGE, FLOW, CONNECTION = "test", "orders", "default"
EVENTS = Path(__file__).resolve().parent.parent / "events"

# Name in the flow file -> (kind, field of the example APIs' port file).
SETTINGS = {
    "source_url": ("params", "source_url"),
    "destination_url": ("params", "destination_url"),
    "source_token": ("secrets", "source_token"),
    "destination_key": ("secrets", "destination_key"),
}

SCHEDULE_SECONDS_MAX = 150  # one minute, the emulator's step of 10 s, and a cold start
DELIVERY_SECONDS_MAX = 300
REST_SECONDS_MAX = 60
# A cold start loads it.
ZIP_BYTES_MAX = 5_000_000


def until(seconds, what, probe):
    """The first true answer of the probe; the test fails when there is none in time."""
    began = time.monotonic()
    while True:
        if answer := probe():
            return answer
        if time.monotonic() - began > seconds:
            sys.exit(f"FAILED: no {what} within {seconds} s")
        time.sleep(0.5)


def get_json(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


def outputs(stack):
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def put_settings(examples):
    ssm = boto3.client("ssm")
    for name, (kind, field) in SETTINGS.items():
        ssm.put_parameter(
            Name=f"/tidegate/{STAGE}/{FLOW}/{CONNECTION}/{kind}/{name}",
            Value=examples[field],
            Type="SecureString" if kind == "secrets" else "String",
            Overwrite=True,
        )


def limit_concurrency(function, processors):
    """What the template asks for: (reserved, the mapping's maximum), as the emulator then reports them.

    It ignores the one in a template, and keeps the other, a parameter, as text, on which its poller fails.
    """
    client = boto3.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=processors)
    reserved = client.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"]
    [mapping] = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    limit = {"MaximumConcurrency": processors}
    mapping = client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=limit)
    return reserved, mapping["ScalingConfig"]["MaximumConcurrency"]


def read_cursor(table):
    key = {"pk": f"{FLOW}/{CONNECTION}", "sk": "C"}
    return boto3.resource("dynamodb").Table(table).get_item(Key=key, ConsistentRead=True).get("Item", {})


def messages(queue_url):
    """Waiting, in flight and delayed: a queue is empty when there is none of any."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    got = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(got[name]) for name in names)


def run_fetcher(function):
    """One run, as the schedule would start it; waits for its end."""
    event = (EVENTS / "schedule.json").read_bytes()
    reply = boto3.client("lambda").invoke(FunctionName=function, Payload=event)
    if "FunctionError" in reply:
        sys.exit(f"FAILED: the fetcher: {reply['Payload'].read().decode()}")


def digest(stack):
    """Parks a record, and has the digest function tell of it twice: (errors it sent, the message, errors then).

    The item is written as of an hour ago: the function leaves out what may still be under way.
    """
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="digests")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stack["DigestTopicArn"], Protocol="sqs", Endpoint=arn)
    table = boto3.resource("dynamodb").Table(stack["StateTableName"])
    stream, hour_ago_ms = f"{FLOW}/{CONNECTION}", int(time.time() * 1000) - 3_600_000
    parked = {"id": "7", "version": 1, "reason": "no such shop: 7", "page": 1, "parked_at_ms": hour_ago_ms, "data": "{}"}
    table.put_item(Item={"pk": f"{stream}#parked", "sk": f"p{7:019} p{1:019}", "status": 422} | parked)
    table.put_item(Item={"pk": "streams", "sk": stream})

    def run():
        reply = boto3.client("lambda").invoke(FunctionName=stack["DigestFunctionName"], Payload=b"{}")
        answer = json.load(reply["Payload"])
        return sys.exit(f"FAILED: the digest: {answer}") if "FunctionError" in reply else answer["errors"]

    first = run()
    received = until(30, "digest", lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    return first, json.loads(received[0]["Body"]), run()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stack", required=True)
    arguments.add_argument("--examples", required=True, help="the port file of `tidegate examples`")
    arguments.add_argument("--records", type=int, required=True)
    arguments.add_argument("--processors", type=int, required=True)
    asked = arguments.parse_args()

    examples = json.loads(Path(asked.examples).read_text(encoding="utf-8"))
    stack = outputs(asked.stack)
    put_settings(examples)
    noted = json.loads(boto3.client("ssm").get_parameter(Name=f"/tidegate/stacks/{asked.stack}")["Parameter"]["Value"])
    concurrency = limit_concurrency(stack["ProcessorFunctionName"], asked.processors)

    began = time.monotonic()
    until(SCHEDULE_SECONDS_MAX, "run by the schedule", lambda: read_cursor(stack["StateTableName"]).get("next", 0) > 1)
    scheduled_after = time.monotonic() - began

    # The schedule has shown that it works; the runs that are left need not wait a minute each.
    began, runs = time.monotonic(), 1
    while get_json(examples["audit_url"])["delivered"] < asked.records:
        if time.monotonic() - began > DELIVERY_SECONDS_MAX:
            sys.exit(f"FAILED: within {DELIVERY_SECONDS_MAX} s only {get_json(examples['audit_url'])}")
        run_fetcher(stack["FetcherFunctionName"])
        runs += 1
        time.sleep(1)
    delivered_in = time.monotonic() - began

    def at_rest():
        cursor = read_cursor(stack["StateTableName"])
        settled = cursor["committed"] == cursor["next"] - 1 and cursor["watermark"] == cursor["head"]
        return settled and messages(stack["PageQueueUrl"]) == 0 and cursor

    # The last page is committed by whoever next looks: a run with nothing to read helps it along.
    run_fetcher(stack["FetcherFunctionName"])
    cursor = until(REST_SECONDS_MAX, "rest: pages are open or queued", at_rest)

    audit = get_json(examples["audit_url"])
    dead = messages(stack["DeadLetterQueueUrl"])
    told, message, told_again = digest(stack)
    client = boto3.client("lambda")
    zips = {
        name: client.get_function_configuration(FunctionName=stack[f"{name}FunctionName"])["CodeSize"]
        for name in ("Fetcher", "Processor", "Digest")
    }

    rows = [
        ("delivered", f"{audit['delivered']:,}", audit["delivered"] == asked.records),
        ("missing", audit["missing"], audit["missing"] == 0),
        ("duplicates", audit["duplicates"], audit["duplicates"] == 0),
        ("cursor: pages committed", cursor["committed"], cursor["committed"] == cursor["next"] - 1),
        ("cursor: watermark", cursor["watermark"], cursor["watermark"] == cursor["head"]),
        ("page queue", messages(stack["PageQueueUrl"]), True),
        ("dead-letter queue", dead, dead == 0),
        ("reserved, mapping's maximum", "%d, %d" % concurrency, concurrency == (asked.processors,) * 2),
        ("errors digested, and again", f"{told}, {told_again}", (told, told_again) == (1, 0)),
        ("digest: subject", message["Subject"], message["Subject"] == f"Tidegate: 1 new error in 1 flow ({STAGE})"),
        ("digest: its group", "orders", "\n  no such shop: …\n" in message["Message"]),
        ("noted for operators", len(noted), noted.items() <= stack.items()),
        ("first run, by the schedule", f"after {scheduled_after:.0f} s", True),
        ("fetcher runs", f"{runs} and one more", True),
        ("the rest delivered", f"in {delivered_in:.1f} s", True),
    ]
    rows += [(f"{name.lower()}.zip", f"{size / 1e6:.2f} MB", size <= ZIP_BYTES_MAX) for name, size in zips.items()]
    for what, value, holds in rows:
        print(f"        {what:28} {value!s:>14}  {'' if holds else 'NO'}")
    if not all(holds for _, _, holds in rows):
        sys.exit("FAILED")


main()
