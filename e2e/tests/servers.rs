//! A cluster of several servers, as its users and operators see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::process::Command;
use std::time::Instant;

use kubernel_e2e::{Servers, User, advertised, built};

/// Runs a command line of `kubernel`; what it says.
fn kubernel(arguments: &[&str], more: &[String]) -> Result<String, String> {
    let binary = std::env::var_os("KUBERNEL_BIN").map_or_else(|| built("kubernel"), Into::into);
    let output = Command::new(binary).args(arguments).args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn redirect(servers: &Servers, number: usize) -> String {
    let url = format!("http://{}/master/state", servers.mesos(number));
    let output =
        Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", &url]).output();
    String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
}

fn bound(admin: &User, name: &str) -> bool {
    !admin.run(&format!("kubectl get pod {name} -o jsonpath='{{.spec.nodeName}}'")).stdout.is_empty()
}

#[test]
fn any_server_answers_and_one_leads() {
    let servers = Servers::start("servers", 3);
    servers.hollow(0, 5);
    let leader = servers.leader(0);
    let followers: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
    // What one wrote, all read; a ServiceAccount's token of one is good at another.
    servers.admin(0).ok("kubectl create deployment web --image=x --replicas=4");
    servers.until(1, |admin| admin.run("kubectl get deploy web -o jsonpath='{.status.readyReplicas}'").stdout == "4");
    servers.admin(0).ok("kubectl create clusterrolebinding reader --clusterrole=view --serviceaccount=default:default");
    let token = servers.admin(1).ok("kubectl create token default");
    let who = format!("kubectl --token={} auth whoami -o jsonpath='{{.status.userInfo.username}}'", token.trim());
    for number in 0..3 {
        let admin = servers.admin(number);
        assert_eq!(admin.ok("kubectl get pods --no-headers | wc -l").trim(), "4");
        // kubectl prefers the certificate of its kubeconfig to a token: this one has none.
        let config = "kubectl config view --raw --minify -o jsonpath='{.clusters[0].cluster.server}'";
        let server = admin.ok(config);
        let asked = format!("KUBECONFIG=/dev/null {who} --insecure-skip-tls-verify --server={}", server.trim());
        assert_eq!(admin.ok(&asked), "system:serviceaccount:default:default");
        // Offers and agents are the leader's, and everybody shows them.
        assert_eq!(admin.ok("kubectl get agents --no-headers | wc -l").trim(), "5");
        let wanted = if number == leader {
            "200 ".to_owned()
        } else {
            format!("307 http://{}/master/state", servers.mesos(leader))
        };
        assert_eq!(redirect(&servers, number), wanted);
    }
    // The leader dies: another one places Pods.
    servers.kill(leader);
    let began = Instant::now();
    let asked = followers[0];
    servers.admin(asked).ok("kubectl run late --image=x");
    servers.until(asked, |admin| bound(admin, "late"));
    println!("Pods are placed {:.1?} after the leader's death", began.elapsed());
    let next = servers.leader(asked);
    assert!(followers.contains(&next));
    // A leader that is asked to stop hands over at once: nobody waits for its Lease to run out.
    servers.serve(leader, true);
    servers.until(leader, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    servers.stop(next);
    let lease =
        "kubectl -n kube-system get lease kubernel -o jsonpath='{.spec.holderIdentity} {.spec.leaseDurationSeconds}'";
    let held = servers.admin(leader).ok(lease);
    assert!(held.trim() == "1" || servers.leader(leader) != next, "{held}");
    servers.admin(leader).ok("kubectl run later --image=x");
    servers.until(leader, |admin| bound(admin, "later"));
}

/// Where Pods reach the API, as both kinds of objects say.
fn endpoints(admin: &User) -> [String; 2] {
    let get = |what: &str, path: &str| {
        admin.run(&format!("kubectl -n default get {what} kubernetes -o jsonpath='{{{path}}}'")).stdout
    };
    [get("endpoints", ".subsets[0].addresses[*].ip"), get("endpointslice", ".endpoints[*].addresses[0]")]
}

#[test]
fn the_api_is_reached_at_every_server_that_lives() {
    let servers = Servers::start("endpoints", 3);
    let until = |asked: usize, living: &[usize]| {
        let wanted = living.iter().map(|number| advertised(*number)).collect::<Vec<_>>().join(" ");
        servers.until(asked, |admin| endpoints(admin) == [wanted.clone(), wanted.clone()]);
    };
    until(0, &[0, 1, 2]);
    // Who is asked to stop is taken out before it has stopped.
    servers.stop(1);
    let left = format!("{} {}", advertised(0), advertised(2));
    assert_eq!(endpoints(&servers.admin(0)), [left.clone(), left]);
    // Who dies, soon after.
    let began = Instant::now();
    servers.kill(2);
    until(0, &[0]);
    println!("a dead server is no endpoint after {:.1?}", began.elapsed());
    servers.serve(1, true);
    until(0, &[0, 1]);
    // What somebody broke is mended; the last server stays in.
    servers.admin(0).ok("kubectl -n default delete endpoints,endpointslice kubernetes");
    until(0, &[0, 1]);
    servers.stop(0);
    until(1, &[1]);
}

#[test]
fn a_cluster_moves_and_is_restored() {
    let servers = Servers::start("moves", 1);
    let folder = servers.folder_of(0);
    let (data, file) = (folder.to_str().unwrap(), folder.join("backup.gz"));
    let (file, config) = (file.to_str().unwrap(), folder.join("admin.kubeconfig"));
    let admin = servers.admin(0);
    admin.ok("kubectl create configmap kept --from-literal=a=b");
    admin.ok("kubectl create service nodeport web --tcp=80:80 --node-port=30080");
    let revision =
        || admin.ok("kubectl get configmap kept -o jsonpath='{.metadata.resourceVersion}'").parse::<u64>().unwrap();
    let token = admin.ok("kubectl create token default");
    let first = revision();
    kubernel(&["backup", file, "--kubeconfig", config.to_str().unwrap()], &[]).unwrap();
    servers.stop(0);
    // To files and back to an etcd, whose place must be free.
    kubernel(&["migrate", "--to", "embedded", "--data-dir", data], &servers.etcd_arguments()).unwrap();
    let twice = kubernel(&["migrate", "--to", "etcd", "--data-dir", data], &servers.etcd_arguments()).unwrap_err();
    assert!(twice.contains("has a cluster under /kubernel already"), "{twice}");
    servers.serve(0, false);
    servers.until(0, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    assert!(revision() >= first);
    admin.ok("kubectl delete configmap kept");
    servers.stop(0);
    // As it was when the backup was made: objects, authorities, what is taken.
    std::fs::remove_dir_all(folder.join("store")).unwrap();
    std::fs::remove_dir_all(folder.join("pki")).unwrap();
    kubernel(&["restore", file, "--data-dir", data], &[]).unwrap();
    servers.serve(0, false);
    servers.until(0, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    assert_eq!(admin.ok("kubectl get configmap kept -o jsonpath='{.data.a}'"), "b");
    let review = "kubectl create -o jsonpath='{.status.authenticated}' -f -";
    let manifest = format!(
        r#"{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{{"token":"{}"}}}}"#,
        token.trim()
    );
    assert_eq!(admin.ok(&format!("echo '{manifest}' | {review}")), "true");
    let taken = admin.run("kubectl create service nodeport other --tcp=80:80 --node-port=30080");
    assert!(taken.stderr.contains("provided port is already allocated"), "{}", taken.stderr);
    // Every write from now on is later than what anybody has seen.
    let next = admin.ok("kubectl create configmap next -o jsonpath='{.metadata.resourceVersion}'");
    assert!(next.parse::<u64>().unwrap() > first + 1000);
    for (arguments, wanted) in [
        (vec!["restore", file, "--data-dir", data], "exists"),
        (vec!["restore", config.to_str().unwrap(), "--data-dir", data], "no archive of Kubernel"),
        (vec!["backup", file, "--data-dir", data], "in use by another process"),
        (vec!["backup", file, "--data-dir", "/nowhere"], "/nowhere"),
        (vec!["migrate", "--to", "etcd", "--data-dir", data], "--etcd-servers says which etcd"),
        (vec!["backup", file, "--etcd-servers", "127.0.0.1:2379"], "want an URL such as"),
    ] {
        let said = kubernel(&arguments, &[]).unwrap_err();
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}

/// A small disk, gone with this value.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(path: std::path::PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let disk = Self(path);
        disk.run("mount", &["-t", "tmpfs", "-o", "size=24m", "tmpfs"]);
        disk
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(
            Command::new(program).args(arguments).arg(&self.0).status().unwrap().success(),
            "{program} {arguments:?}"
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_makes_a_server_read_only_and_loses_nothing() {
    let servers = Servers::start("full", 1);
    servers.stop(0);
    let folder = servers.folder_of(0);
    let disk = Disk::mount(folder.join("store"));
    // The mount's folder is there already: a store may be in an empty one.
    servers.serve(0, false);
    let admin = servers.admin(0);
    servers.until(0, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    admin.ok("head -c 700000 /dev/zero | tr '\\0' x > blob");
    let mut written = 0;
    let refused = loop {
        let output = admin.run(&format!("kubectl create configmap big{written} --from-file=blob"));
        if output.code != 0 {
            break output.stderr;
        }
        written += 1;
        assert!(written < 100, "the disk does not get full");
    };
    let why = ["No space left on device", "perhaps the disk is full"].iter().any(|why| refused.contains(why));
    assert!(refused.contains("read-only since a write failed") && why, "{refused}");
    let count = "kubectl get configmaps -o name | grep -c /big";
    assert_eq!(admin.ok(count).trim(), written.to_string());
    assert!(admin.run("kubectl get --raw /readyz").stderr.contains("[-]etcd failed"));
    servers.stop(0);
    disk.run("mount", &["-o", "remount,size=96m"]);
    servers.serve(0, false);
    servers.until(0, |admin| admin.run("kubectl get --raw /readyz").stdout == "ok");
    assert_eq!(admin.ok(count).trim(), written.to_string());
    admin.ok("kubectl create configmap another");
    servers.kill(0);
    drop(disk);
}
