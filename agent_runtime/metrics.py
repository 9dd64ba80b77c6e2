"""Metrics as CloudWatch embedded metric format (EMF): JSON lines on stdout that CloudWatch Logs turns into metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import TextIO

NAMESPACE = "Vitracka/Agents"
UNITS: Mapping[str, str] = {
    "Invocations": "Count",
    "Errors": "Count",
    "Throttles": "Count",
    "Duration": "Milliseconds",
    "TimeToFirstToken": "Milliseconds",
    "InputTokens": "Count",
    "OutputTokens": "Count",
    "CostUSD": "None",
    "InFlight": "Count",
}


class Metrics:
    """Writes the service's metrics; every line has the dimensions Agent and Environment."""

    def __init__(self, agent: str, environment: str, stream: TextIO | None = None) -> None:
        self._dimensions = {"Agent": agent, "Environment": environment}
        self._stream = stream

    def put(self, values: Mapping[str, float]) -> None:
        """Write one data point for each value; the names are those of UNITS."""
        line = {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [list(self._dimensions)],
                        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
                    }
                ],
            },
            **self._dimensions,
            **values,
        }
        stream = self._stream or sys.stdout
        # One write a line: lines of several threads or processes can't mix.
        stream.write(json.dumps(line) + "\n")
        stream.flush()
