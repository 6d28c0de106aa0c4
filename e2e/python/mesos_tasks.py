"""A framework as the examples of avmesos and mesoshttp have it: launches tasks, prints each status, ends with the last.

    mesos_tasks.py PACKAGE[=NAME] URL COMMAND [COMMAND…]

PACKAGE is avmesos or mesoshttp; each COMMAND is a task, called NAME (or PACKAGE) and its number. Prints `TASK STATE MESSAGE` for every update.
"""

import importlib
import os
import sys

package, url, *commands = sys.argv[1:]
package, _, name = package.partition("=")
name = name or package
client_class = importlib.import_module(package + ".client").MesosClient
client = client_class([url], frameworkName=name, frameworkUser="root")
waiting = {f"{name}-{index}": command for index, command in enumerate(commands)}
running = set(waiting)
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"}


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def subscribed(driver):
    print("framework", driver.frameworkId, flush=True)


def room(offer):
    """How many tasks an offer has room for: it may be only a piece of a node whose rest is on offer to others."""
    amounts = {one["name"]: one["scalar"]["value"] for one in offer["resources"] if one["type"] == "SCALAR"}
    return min(amounts.get("cpus", 0) / 0.1 + 1e-6, amounts.get("mem", 0) / 32)


def offered(offers):
    for offer in offers:
        tasks = []
        while waiting and len(tasks) < min(2, int(room(offer.get_offer()))):
            task_id, command = waiting.popitem()
            tasks.append({
                "name": task_id,
                "task_id": {"value": task_id},
                "agent_id": {"value": offer.get_offer()["agent_id"]["value"]},
                "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
                "command": {"value": command, "shell": "true"},
            })
        if tasks:
            offer.accept(tasks)
        else:
            offer.decline()


def updated(update):
    status = update["status"]
    task_id, state = status["task_id"]["value"], status["state"]
    print(task_id, state, status.get("message", ""), flush=True)
    if state in TERMINAL:
        running.discard(task_id)
        if not running:
            os._exit(0)


client.on(client_class.SUBSCRIBED, subscribed)
client.on(client_class.OFFERS, offered)
client.on(client_class.UPDATE, updated)
client.register()
