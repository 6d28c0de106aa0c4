"""The official Python client against a cluster: `client.py CASE NAMESPACE`, exit code 0 where everything was as it should be.

Each case is a function; a failed assertion is the message.
"""

import datetime
import os
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream


def refused(code, reason, call, *args, **kwargs):
    """The exception of a call that has to be refused like this."""
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == code, f"{error.status} instead of {code}: {error.body}"
        assert f'"reason":"{reason}"' in error.body, error.body
        return error
    raise AssertionError(f"{call.__name__} was not refused")


def typed(namespace):
    """Typed objects: create, read, the patch types, replace with a stale version, delete."""
    core = client.CoreV1Api()
    made = core.create_namespaced_config_map(
        namespace, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a", labels={"app": "x"}), data={"k": "1"})
    )
    assert made.metadata.uid and isinstance(made.metadata.creation_timestamp, datetime.datetime)
    refused(409, "AlreadyExists", core.create_namespaced_config_map, namespace, made_again(made))

    # A dict is sent as a strategic merge patch, a list as a JSON patch.
    patched = core.patch_namespaced_config_map("a", namespace, {"data": {"k": None, "l": "2"}})
    assert patched.data == {"l": "2"}, patched.data
    patched = core.patch_namespaced_config_map("a", namespace, [{"op": "add", "path": "/data/m", "value": "3"}])
    assert patched.data == {"l": "2", "m": "3"}, patched.data

    made.data = {"stale": "yes"}
    refused(409, "Conflict", core.replace_namespaced_config_map, "a", namespace, made)
    patched.data = {"fresh": "yes"}
    assert core.replace_namespaced_config_map("a", namespace, patched).data == {"fresh": "yes"}

    assert [item.metadata.name for item in core.list_namespaced_config_map(namespace, label_selector="app=x").items] == ["a"]
    core.delete_namespaced_config_map("a", namespace)
    refused(404, "NotFound", core.read_namespaced_config_map, "a", namespace)

    bad = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="UPPER"))
    error = refused(422, "Invalid", core.create_namespaced_config_map, namespace, bad)
    assert "metadata.name" in error.body, error.body


def made_again(made):
    """The same object without what the server gave it."""
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=made.metadata.name), data=made.data)


def pages(namespace):
    """Lists in pages see one state; watches go on from a list's version, and end at their timeout."""
    core = client.CoreV1Api()
    for number in range(25):
        core.create_namespaced_secret(namespace, client.V1Secret(metadata=client.V1ObjectMeta(name=f"s{number:02}"), string_data={"a": "b"}))
    names, token = [], None
    while True:
        page = core.list_namespaced_secret(namespace, limit=10, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
        core.delete_namespaced_secret(names[-1], namespace)
    assert names == [f"s{number:02}" for number in range(25)], names

    listed = core.list_namespaced_secret(namespace)
    core.patch_namespaced_secret("s00", namespace, {"metadata": {"labels": {"seen": "yes"}}})
    core.delete_namespaced_secret("s01", namespace)
    events = watch.Watch().stream(core.list_namespaced_secret, namespace, resource_version=listed.metadata.resource_version, timeout_seconds=5)
    seen = []
    for event in events:
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 2:
            break
    assert seen == [("MODIFIED", "s00"), ("DELETED", "s01")], seen
    assert list(watch.Watch().stream(core.list_namespaced_secret, namespace, label_selector="no=one", timeout_seconds=1)) == []


def discovered(namespace):
    """The dynamic client: discovery, server-side apply with its conflicts, subresources."""
    dyn = dynamic.DynamicClient(client.ApiClient())
    deployments = dyn.resources.get(api_version="apps/v1", kind="Deployment")
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        },
    }
    applied = deployments.server_side_apply(body, field_manager="first")
    assert applied.spec.strategy.type == "RollingUpdate" and applied.metadata.generation == 1
    body["spec"]["replicas"] = 1
    try:
        deployments.server_side_apply(body, field_manager="second")
        raise AssertionError("no conflict")
    except dynamic.exceptions.ConflictError as error:
        body_text = str(error.body)
        assert "conflict with" in body_text and "first" in body_text and ".spec.replicas" in body_text, body_text
    body["spec"]["replicas"] = 0
    assert deployments.server_side_apply(body, field_manager="second", force_conflicts=True).spec.replicas == 0

    scale = client.AppsV1Api().patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 0}})
    # A Scale leaves out a zero, as upstream's does.
    assert scale.kind == "Scale" and scale.spec.replicas is None, scale
    kinds = {resource.kind for resource in dyn.resources.search(group="kernel.kubernel.io") if resource.kind}
    assert {"Agent", "Offer", "ResourceRole", "Framework"} <= kinds, kinds


def streams(namespace):
    """exec with both outputs and an exit code, and a forwarded port, over WebSockets."""
    core = client.CoreV1Api()
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="p"),
        spec=client.V1PodSpec(
            termination_grace_period_seconds=1,
            containers=[client.V1Container(name="c", image=os.environ["SAMPLE_IMAGE"], command=["sample", "echo", "8080"])],
        ),
    )
    core.create_namespaced_pod(namespace, pod)
    for event in watch.Watch().stream(core.list_namespaced_pod, namespace, timeout_seconds=60):
        statuses = event["object"].status.container_statuses or []
        if statuses and statuses[0].ready:
            break
    else:
        raise AssertionError("the Pod was not ready within a minute")

    line = stream(core.connect_get_namespaced_pod_exec, "p", namespace, command=["echo", "hello"], stderr=True, stdin=False, stdout=True, tty=False)
    assert line == "hello\n", line
    shell = stream(
        core.connect_get_namespaced_pod_exec, "p", namespace, command=["sh"], stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False
    )
    shell.write_stdin("echo out; echo err >&2; exit 3\n")
    shell.run_forever(timeout=30)
    assert (shell.read_stdout(), shell.read_stderr(), shell.returncode) == ("out\n", "err\n", 3)

    forward = portforward(core.connect_get_namespaced_pod_portforward, "p", namespace, ports="8080")
    socket = forward.socket(8080)
    socket.setblocking(True)
    # An echo, which stays: this client drops what it has not handed over when the other side ends.
    said = b"over there"
    socket.sendall(said)
    heard = b""
    while len(heard) < len(said) and (chunk := socket.recv(4096)):
        heard += chunk
    assert heard == said, heard
    assert forward.error(8080) is None, forward.error(8080)


CASES = {case.__name__: case for case in (typed, pages, discovered, streams)}

if __name__ == "__main__":
    config.load_kube_config()
    CASES[sys.argv[1]](sys.argv[2])
