"""An operator as its users write them with kopf: a Site becomes a ConfigMap, deletion waits for a farewell, and webhooks
of its own default and check Sites. Run by `kopf run` as a plain process beside the cluster, in a folder with the
webhooks' key and certificate.
"""

import os

import kopf
import kubernetes

GROUP, VERSION, PLURAL = "kopf.example.com", "v1", "sites"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_):
    kubernetes.config.load_kube_config()
    settings.persistence.finalizer = f"{GROUP}/farewell"
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        port=int(os.environ["WEBHOOK_PORT"]),
        certfile="webhook.crt",
        pkeyfile="webhook.key",
        cafile="webhook.crt",
    )
    settings.admission.managed = "webhooks.kopf.example.com"


@kopf.on.mutate(GROUP, VERSION, PLURAL)
def default_title(spec, patch, warnings, **_):
    if "title" not in spec:
        patch.spec["title"] = "untitled"
        warnings.append("a Site without a title is untitled")


@kopf.on.validate(GROUP, VERSION, PLURAL)
def check_title(spec, **_):
    if spec.get("title") == "forbidden":
        raise kopf.AdmissionError("that title is taken", code=409)


@kopf.on.create(GROUP, VERSION, PLURAL)
def publish(spec, name, namespace, **_):
    page = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-page", "namespace": namespace},
        "data": {"index.html": f"<h1>{spec['title']}</h1>"},
    }
    kopf.adopt(page)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, page)
    return {"page": f"{name}-page"}


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.title")
def retitle(old, new, name, namespace, **_):
    if old is not None:
        patch = {"data": {"index.html": f"<h1>{new}</h1>"}}
        kubernetes.client.CoreV1Api().patch_namespaced_config_map(f"{name}-page", namespace, patch)


@kopf.on.delete(GROUP, VERSION, PLURAL)
def farewell(name, namespace, **_):
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-farewell", "namespace": namespace}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, note)
