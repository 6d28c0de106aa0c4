"""Mesos' command line for agents that listen elsewhere than Mesos' do.

    mesos_cli.py AGENT [ARGUMENT…]

AGENT is HOST:PORT. The package's module for tasks calls another by a name that it does not import; it gets that here.
"""

import runpy
import sys

import avmesos.http
from avmesos.cli import mesos

agent = sys.argv.pop(1)
mesos.mesos = avmesos
mesos.get_agent_address = lambda *_: agent
runpy.run_module("avmesos.cli.mesos-cli", run_name="__main__")
