"""Holds template.yaml to the rules that CloudFormation cannot state: python template_test.py FILE"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: `!Ref X` as {"!Ref": "X"}."""


def short_form(loader, suffix, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    construct = kinds.get(type(node))
    return {f"!{suffix}": construct(node) if construct else loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml.load(file, Loader)
    resources = {name: resource["Properties"] for name, resource in template["Resources"].items()}
    fetcher, processor = resources["FetcherFunction"], resources["ProcessorFunction"]
    pages, dead = resources["PageQueue"], resources["DeadLetterQueue"]
    digest_may = {it["Sid"]: it for it in resources["DigestRole"]["Policies"][0]["PolicyDocument"]["Statement"]}
    timeouts = template["Mappings"]["TimeoutSeconds"]

    alarms = [it["Properties"] for it in template["Resources"].values() if it["Type"] == "AWS::CloudWatch::Alarm"]
    shipped = yaml.safe_load((ROOT / f"flows/{template['Parameters']['Flow']['Default']}.yaml").read_text("utf-8"))

    def own_metrics(node):
        """The names of Tidegate's own metrics that an alarm is about, with their dimensions' names."""
        if isinstance(node, list):
            return [it for child in node for it in own_metrics(child)]
        if not isinstance(node, dict):
            return []
        if node.get("Namespace") == "Tidegate":
            return [(node["MetricName"], tuple(it["Name"] for it in node["Dimensions"]))]
        return [it for child in node.values() for it in own_metrics(child)]

    def visibility(parameter):
        return {"!FindInMap": ["TimeoutSeconds", {"!Ref": parameter}, "Visibility"]}

    rules = {
        "visibility is six times each timeout": all(
            row["Visibility"] >= 6 * int(seconds) for seconds, row in timeouts.items()
        ),
        "every timeout that is allowed has its visibility": all(
            set(map(str, template["Parameters"][name]["AllowedValues"])) == set(timeouts)
            for name in ("FetcherTimeout", "ProcessorTimeout")
        ),
        "each queue's visibility follows its consumer's timeout": (
            pages["VisibilityTimeout"] == visibility("ProcessorTimeout")
            and processor["Timeout"] == {"!Ref": "ProcessorTimeout"}
            and dead["VisibilityTimeout"] == visibility("FetcherTimeout")
            and fetcher["Timeout"] == {"!Ref": "FetcherTimeout"}
        ),
        "the mapping takes no more than what is reserved": (
            processor["ReservedConcurrentExecutions"]
            == processor["Events"]["Pages"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
            == {"!Ref": "MaxProcessors"}
        ),
        "MaximumConcurrency is at least 2": template["Parameters"]["MaxProcessors"]["MinValue"] >= 2,
        "an outage as long as the retention stays out of the dead-letter queue": (
            pages["RedrivePolicy"]["maxReceiveCount"] > 1.2 * pages["MessageRetentionPeriod"] / 600
        ),
        "dead letters outlive pages": dead["MessageRetentionPeriod"] > pages["MessageRetentionPeriod"],
        "every mapping reports single failures": all(
            event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            for function in (fetcher, processor)
            for event in function["Events"].values()
        ),
        "the processor cannot send": "sqs:SendMessage" not in str(resources["ProcessorRole"]),
        "the digest reads, and writes only how far it got": (
            digest_may["ReadErrors"]["Action"] == ["dynamodb:GetItem", "dynamodb:Query"]
            and digest_may["MarkAsSent"]["Action"] == "dynamodb:UpdateItem"
            and "digests" in str(digest_may["MarkAsSent"]["Condition"])
            and digest_may.keys() == {"ReadErrors", "MarkAsSent", "Send", "OwnLogs"}
        ),
        "whatever a stream waits for has an alarm, by stage and stream": sorted(own_metrics(alarms)) == [
            (name, ("Stage", "Stream"))
            for name in (
                "DeliveryWaitingSeconds", "HeldBackSeconds", "LeaseWaitingSeconds", "PausedSeconds",
                "SourceWaitingSeconds", "WatermarkLagSeconds",
            )
        ],
        "a fetcher that is not called raises an alarm": any(
            alarm.get("MetricName") == "Invocations" and alarm["TreatMissingData"] == "breaching" for alarm in alarms
        ),
        "every alarm is told, and its end": all(
            alarm["AlarmActions"] == alarm["OKActions"] == [{"!Ref": "DigestTopic"}] for alarm in alarms
        ),
        "the default schedule is the default flow's": (
            template["Parameters"]["ScheduleExpression"]["Default"] == shipped["schedule"]
        ),
        "no action and no resource is a lone star": "'*'" not in str(
            [resources[name]["Policies"] for name in resources if name.endswith("Role")]
        ),
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    for rule in broken:
        print(f"template.yaml: {rule}: no", file=sys.stderr)
    sys.exit(1 if broken else 0)


main()
