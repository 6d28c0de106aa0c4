"""A framework over plain HTTP that behaves as it is told.

    mesos_scheduler.py URL BEHAVIOUR [FRAMEWORK_ID or ROLES]

Prints one line for each thing it learns that its behaviour is about; a test looks for those lines.
"""

import http.client
import itertools
import json
import os
import socket
import sys
import threading

TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED")
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
PATH = "/api/v1/scheduler"
# A task that a node without containers runs.
IMAGE = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "sleep"}}}}
host = sys.argv[1].removeprefix("http://")


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def post(body, headers, connection=None):
    """The status and words of the answer to a body."""
    own = connection or http.client.HTTPConnection(host)
    own.request("POST", PATH, body, headers)
    answer = own.getresponse()
    text = answer.read().decode(errors="replace")
    if connection is None:
        own.close()
    return answer.status, text


class Framework:
    """A framework that is subscribed."""

    def __init__(self, name, id=None, timeout=0.0, role="*"):
        info = {"user": "root", "name": name, "failover_timeout": timeout, "role": role}
        if id:
            info["id"] = {"value": id}
        self.stream = http.client.HTTPConnection(host)
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if id:
            subscribe["framework_id"] = {"value": id}
        self.stream.request("POST", PATH, json.dumps(subscribe), JSON)
        self.answer = self.stream.getresponse()
        self.stream_id = self.answer.getheader("Mesos-Stream-Id")
        self.id = id

    def events(self, *kinds):
        """Events of some kinds, until the stream ends; none: of all."""
        while True:
            try:
                line = self.answer.readline()
                event = json.loads(self.answer.read(int(line))) if line.strip() else None
            except (OSError, ValueError, http.client.HTTPException):
                event = None
            if event is None:
                return
            if event["type"] == "SUBSCRIBED":
                self.id = event["subscribed"]["framework_id"]["value"]
            if not kinds or event["type"] in kinds:
                yield event

    def next(self, kind):
        return next(self.events(kind))

    def call(self, kind, connection=None, **body):
        message = {"type": kind, "framework_id": {"value": self.id}, **body}
        return post(json.dumps(message), {**JSON, "Mesos-Stream-Id": self.stream_id}, connection)

    def launch(self, offer, names, cpus=0.1):
        tasks = []
        for name in names:
            info = {"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"]}
            info["resources"] = [scalar("cpus", cpus), scalar("mem", 32)]
            info["command"] = {"value": "sleep 1000"}
            info["container"] = IMAGE
            tasks.append(info)
        launch = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        filters = {"refuse_seconds": 0}
        return self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [launch], "filters": filters})

    def decline(self, offers):
        ids = [offer["id"] for offer in offers]
        return self.call("DECLINE", decline={"offer_ids": ids, "filters": {"refuse_seconds": 0}})

    def acknowledge(self, status):
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})

    def launch_what_fits(self, offer, names):
        """Launches as many of these as an offer has room for; returns the others."""
        amounts = {one["name"]: one["scalar"]["value"] for one in offer["resources"] if one["type"] == "SCALAR"}
        room = int(min(amounts.get("cpus", 0) / 0.1 + 1e-6, amounts.get("mem", 0) / 32))
        if room == 0 or not names:
            self.decline([offer])
            return names
        said, text = self.launch(offer, names[:room])
        if said != 202:
            sys.exit(f"the launch was answered {said}: {text}")
        return names[room:]

    def statuses(self, awaited, acknowledges=True, launches=()):
        """Prints updates until each task of a set was in the state awaited of it; launches some of them first."""
        awaited = dict(awaited)
        for event in self.events("UPDATE", "OFFERS"):
            if event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    launches = self.launch_what_fits(offer, launches)
                continue
            status = event["update"]["status"]
            if acknowledges:
                self.acknowledge(status)
            task, state = status["task_id"]["value"], status["state"]
            if awaited.get(task) == state:
                say(task, state)
                del awaited[task]
            elif task in awaited and state in TERMINAL:
                sys.exit(f"{task} is not {awaited[task]}, but: {status}")
            if not awaited:
                return


def say(*words):
    print(*words, flush=True)


def offers(framework):
    return framework.next("OFFERS")["offers"]["offers"]


def works(count=10):
    """As frameworks should be: tasks run, are killed, and the framework leaves."""
    framework = Framework("works")
    names = [f"works-{number}" for number in range(count)]
    framework.statuses([(name, "TASK_RUNNING") for name in names], launches=names)
    for name in names:
        framework.call("KILL", kill={"task_id": {"value": name}})
    framework.statuses((name, "TASK_KILLED") for name in names)
    say("works", framework.call("TEARDOWN")[0])


def share():
    """A framework in each role: all are there before the first answers, and run as many tasks as they can."""
    frameworks = [Framework(role, role=role) for role in sys.argv[3:]]
    for framework in frameworks:
        framework.next("SUBSCRIBED")
    for framework, role in zip(frameworks, sys.argv[3:]):
        threading.Thread(target=takes_all, args=(framework, role)).start()


def takes_all(framework, name):
    names = (f"{name}-{number}" for number in itertools.count())
    for event in framework.events("OFFERS", "UPDATE"):
        if event["type"] == "UPDATE":
            framework.acknowledge(event["update"]["status"])
            continue
        for offer in event["offers"]["offers"]:
            framework.launch(offer, [next(names)], cpus=4.0)


def leaves():
    """Goes without a word while two tasks run, and acknowledges only what comes before."""
    framework = Framework("leaves", timeout=1000.0)
    names = ["left-0", "left-1"]
    framework.launch(offers(framework)[0], names)
    for event in framework.events("UPDATE"):
        status = event["update"]["status"]
        if status["state"] == "TASK_RUNNING":
            names.remove(status["task_id"]["value"])
        else:
            framework.acknowledge(status)
        if not names:
            break
    say("id", framework.id)


def returns():
    """Comes back for what it left, ends one of its tasks, and may stay away for two seconds only."""
    framework = Framework("leaves", id=sys.argv[3], timeout=2.0)
    framework.statuses([("left-0", "TASK_RUNNING"), ("left-1", "TASK_RUNNING")])
    say("id", framework.id)
    framework.call("KILL", kill={"task_id": {"value": "left-0"}})
    framework.statuses([("left-0", "TASK_KILLED")])


def comes():
    """Comes and goes; is named."""
    framework = Framework("comes")
    framework.next("SUBSCRIBED")
    say("id", framework.id)


def hoards():
    framework = Framework("hoards")
    for _ in framework.events("RESCIND"):
        say("an offer was taken back")
        break
    # The others are kept as long as they can be.
    for _ in framework.events():
        pass


def declines():
    framework = Framework("declines")
    for count, event in enumerate(framework.events("OFFERS")):
        status, _ = framework.decline(event["offers"]["offers"])
        if count == 20:
            say("declined", status)


def never_acknowledges():
    framework = Framework("silent")
    names = [f"silent-{number}" for number in range(20)]
    framework.launch(offers(framework)[0], names)
    framework.statuses([("silent-0", "TASK_RUNNING")], acknowledges=False)
    for name in names:
        framework.call("KILL", kill={"task_id": {"value": name}})
    for event in framework.events("OFFERS"):
        framework.decline(event["offers"]["offers"])


def floods():
    framework = Framework("floods")
    framework.next("SUBSCRIBED")
    seen = set()

    def flood():
        connection = http.client.HTTPConnection(host)
        for _ in range(500):
            seen.add(framework.call("REVIVE", connection)[0])

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say("answers", *sorted(seen))


def sends_garbage():
    seen = set()
    bodies = [os.urandom(size) for size in (0, 1, 100, 1 << 20)]
    bodies += [b"{", b"[]", b"null", b'{"type": 7}', b'{"type": "NO_SUCH"}', b"[" * 100_000, b'{"a":' * 100_000]
    for kind in ("application/json", "application/x-protobuf", "text/plain", "", "\u00ff"):
        for body in bodies:
            seen.add(post(body, {"Content-Type": kind, "Accept": "application/json"})[0])
    say("answers", *sorted(seen))
    address, port = host.split(":")
    for size in (10, 1 << 20):
        with socket.create_connection((address, int(port))) as connection:
            try:
                connection.sendall(os.urandom(size))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
            except OSError:
                pass
    say("bytes that are no HTTP end their connection")


def subscribes_twice():
    first = Framework("twins", timeout=100.0)
    first.next("SUBSCRIBED")
    second = Framework("twins", id=first.id, timeout=100.0)
    second.next("SUBSCRIBED")
    say("first:", first.next("ERROR")["error"]["message"])
    say("first may call", first.call("REVIVE")[0], "second", second.call("REVIVE")[0])
    second.call("TEARDOWN")


def claims_a_foreign_role():
    framework = Framework("foreign", role="crown")
    say(framework.next("ERROR")["error"]["message"])


def accepts_a_rescinded_offer():
    framework = Framework("late")
    offer = offers(framework)[0]
    for event in framework.events("RESCIND"):
        if event["rescind"]["offer_id"] == offer["id"]:
            break
    framework.launch(offer, ["late-0"])
    status = framework.next("UPDATE")["update"]["status"]
    say(status["state"], status["reason"])
    framework.call("TEARDOWN")


def launches_more_than_offered():
    framework = Framework("greedy")
    offer = offers(framework)[0]
    framework.launch(offer, ["greedy-0"], cpus=1_000_000.0)
    status = framework.next("UPDATE")["update"]["status"]
    say(status["state"], status["reason"])
    framework.call("TEARDOWN")


def sends_huge_messages():
    framework = Framework("huge")
    framework.next("SUBSCRIBED")
    seen = set()
    for _ in range(8):
        try:
            seen.add(post(b" " * (65 << 20), {**JSON, "Mesos-Stream-Id": framework.stream_id})[0])
        except OSError:
            # The answer came before the body was sent.
            seen.add(413)
    say("answers", *sorted(seen))


def does_not_read():
    framework = Framework("deaf")
    framework.next("SUBSCRIBED")
    tasks = [{"task_id": {"value": f"nobody-{number}-{'x' * 200}"}} for number in range(2_000)]
    connection = http.client.HTTPConnection(host)
    for _ in range(200):
        status, text = framework.call("RECONCILE", connection, reconcile={"tasks": tasks})
        if status != 202:
            say("cut off:", status, text)
            return
    say("never cut off")


globals()[sys.argv[2]]()
