"""A framework and its executor that outlive what is between them.

    survivor.py MASTER FOLDER

Runs one task and prints `STATE MESSAGE` for every update of it. The executor says its process' number; when FOLDER/speak
appears it says so while nobody may listen, and says it again until it is known; when FOLDER/finish appears it ends.
"""

import os
import sys
import threading
import time
import uuid

from pymesos import Executor, MesosExecutorDriver, MesosSchedulerDriver, Scheduler, encode_data


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.1)


class Survivor(Executor):
    def launchTask(self, driver, task):
        threading.Thread(target=self.work, args=(driver, task), daemon=True).start()

    def work(self, driver, task):
        self.say(driver, task, "TASK_RUNNING", "begins in")
        for name, state in ("speak", "TASK_RUNNING"), ("finish", "TASK_FINISHED"):
            wait_for(os.path.join(sys.argv[2], name))
            self.say(driver, task, state, name + " in")

    def say(self, driver, task, state, text):
        number = uuid.uuid4()
        status = {
            "task_id": task["task_id"], "state": state, "message": "%s %d" % (text, os.getpid()),
            "uuid": encode_data(number.bytes), "source": "SOURCE_EXECUTOR", "timestamp": time.time(),
        }
        # The driver hands these over when it subscribes again, but leaves it to others to keep them.
        driver.updates[number] = {"status": status}
        try:
            driver.sendStatusUpdate(status)
        except (OSError, RuntimeError):
            pass


class Framework(Scheduler):
    launched = False

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.launched:
                driver.declineOffer(offer["id"])
                continue
            self.launched = True
            amounts = [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in (("cpus", 0.1), ("mem", 64))]
            command = " ".join([sys.executable, os.path.abspath(__file__), "-", sys.argv[2]])
            executor = {"executor_id": {"value": "survivor"}, "command": {"value": command}, "resources": amounts}
            task = {
                "name": "t", "task_id": {"value": "survivor-task"}, "agent_id": offer["agent_id"],
                "resources": amounts, "executor": executor,
            }
            driver.launchTasks(offer["id"], [task])

    def statusUpdate(self, driver, update):
        print(update["state"], update.get("message", ""), flush=True)
        if update["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
            driver.stop()


if sys.argv[1] == "-":
    MesosExecutorDriver(Survivor()).run()
else:
    framework = {"user": "root", "name": "survivor", "failover_timeout": 600, "checkpoint": True}
    MesosSchedulerDriver(Framework(), framework, sys.argv[1]).run()
