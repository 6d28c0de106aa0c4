"""A framework that keeps data: one step of the life of a persistent volume.

    mesos_volume.py URL STEP COMMAND

STEP is `create` (reserve disk, make the volume, run COMMAND with it), `use` (run COMMAND with the volume that is there) or
`destroy` (destroy the volume, end the reservation, run COMMAND without). The volume is `data` in the sandbox of the task.
Prints `TASK STATE MESSAGE` for every update; ends with the task.
"""

import http.client
import json
import sys

url, step, command = sys.argv[1:]
ROLE, VOLUME = "db", "kept"
host = url.removeprefix("http://")
framework = {"user": "root", "name": "volume", "roles": [ROLE], "principal": "db"}
framework["capabilities"] = [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]


def scalar(name, value, **more):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}


RESERVATIONS = [{"type": "DYNAMIC", "role": ROLE, "principal": "db"}]
DISK = scalar("disk", 32, reservations=RESERVATIONS)
PERSISTENT = {"persistence": {"id": VOLUME, "principal": "db"}, "volume": {"mode": "RW", "container_path": "data"}}
KEPT = scalar("disk", 32, reservations=RESERVATIONS, disk=PERSISTENT)

stream = http.client.HTTPConnection(host)
subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}}
headers = {"Content-Type": "application/json", "Accept": "application/json"}
stream.request("POST", "/api/v1/scheduler", json.dumps(subscribe), headers)
events = stream.getresponse()
stream_id = events.getheader("Mesos-Stream-Id")


def call(kind, **body):
    connection = http.client.HTTPConnection(host)
    message = {"type": kind, "framework_id": framework_id, **body}
    own = {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id}
    connection.request("POST", "/api/v1/scheduler", json.dumps(message), own)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 202:
        sys.exit(f"{kind}: {answer.status} {text}")


def is_kept(resource):
    return resource.get("disk", {}).get("persistence", {}).get("id") == VOLUME


def is_enough(resources):
    """Whether an offer has what this step needs: the rest of a node may be on offer to others, and only a piece here."""

    def has(name, least):
        free = (resource for resource in resources if resource["name"] == name and not resource.get("reservations"))
        return sum(resource["scalar"]["value"] for resource in free) >= least

    volume = any(is_kept(resource) for resource in resources)
    return has("cpus", 0.1) and has("mem", 32) and (volume if step != "create" else has("disk", 32) and not volume)


def operations(agent, task):
    resources = [scalar("cpus", 0.1), scalar("mem", 32)] + ([KEPT] if step != "destroy" else [])
    info = {"name": task, "task_id": {"value": task}, "agent_id": agent, "resources": resources}
    info["command"] = {"value": command}
    launch = {"type": "LAUNCH", "launch": {"task_infos": [info]}}
    if step == "create":
        return [
            {"type": "RESERVE", "reserve": {"resources": [DISK]}},
            {"type": "CREATE", "create": {"volumes": [KEPT]}},
            launch,
        ]
    if step == "destroy":
        return [
            {"type": "DESTROY", "destroy": {"volumes": [KEPT]}},
            {"type": "UNRESERVE", "unreserve": {"resources": [DISK]}},
            launch,
        ]
    return [launch]


launched = False
while True:
    event = json.loads(events.read(int(events.readline())))
    if event["type"] == "SUBSCRIBED":
        framework_id = event["subscribed"]["framework_id"]
    elif event["type"] == "OFFERS":
        for offer in event["offers"]["offers"]:
            if launched or not is_enough(offer["resources"]):
                call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 1}})
                continue
            launched = True
            todo = operations(offer["agent_id"], f"volume-{step}")
            call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": todo})
    elif event["type"] == "UPDATE":
        status = event["update"]["status"]
        print(status["task_id"]["value"], status["state"], status.get("message", ""), flush=True)
        if "uuid" in status:
            known = {name: status[name] for name in ("agent_id", "task_id", "uuid")}
            call("ACKNOWLEDGE", acknowledge=known)
        if status["state"] not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
            call("TEARDOWN")
            break
