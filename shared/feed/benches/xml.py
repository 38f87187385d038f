"""The offers of a file as JSON by lxml's iterparse, or Python's own where lxml is not installed: xml.py FILE.

The mapping is the one of `tidegate_feed::xml`, with lists of pictures and parameters."""

import json
import resource
import sys

try:
    from lxml.etree import iterparse
    reader = "lxml"
except ImportError:
    from xml.etree.ElementTree import iterparse
    reader = "xml.etree"

LISTS = {"picture", "param"}


def value(element):
    out = {"@" + key: text for key, text in element.attrib.items()}
    for child in element:
        one = value(child)
        if child.tag not in out:
            out[child.tag] = [one] if child.tag in LISTS else one
        elif isinstance(out[child.tag], list):
            out[child.tag].append(one)
        else:
            out[child.tag] = [out[child.tag], one]
    text = (element.text or "").strip()
    if not out:
        return text
    if text:
        out["#text"] = text
    return out


def main():
    reading_only = "--reading" in sys.argv
    records = size = 0
    for _, element in iterparse(sys.argv[1], events=("end",), **({"tag": "offer"} if reader == "lxml" else {})):
        if element.tag != "offer":
            continue
        if not reading_only:
            size += len(json.dumps(value(element), ensure_ascii=False, separators=(",", ":")).encode())
        records += 1
        element.clear()
        if reader == "lxml":
            while element.getprevious() is not None:
                del element.getparent()[0]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{reader}: {records} records, {size / 1e6:.1f} MB of JSON, {cpu:.2f} s of CPU, {usage.ru_maxrss / 1e3:.1f} MB")


main()
