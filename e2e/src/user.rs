//! Somebody at a terminal.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::tools;

/// A user with a kubeconfig whose current namespace is the test's own.
pub struct User {
    kubeconfig: PathBuf,
    home: PathBuf,
    namespace: String,
}

/// What a line of shell came to.
#[derive(Debug)]
pub struct Output {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl User {
    pub(crate) fn new(folder: &Path, namespace: &str) -> Self {
        let home = folder.join("users").join(namespace);
        std::fs::create_dir_all(&home).expect("a folder of our own");
        let user = Self { kubeconfig: home.join("config"), home, namespace: namespace.to_owned() };
        if std::fs::copy(folder.join("admin.kubeconfig"), &user.kubeconfig).is_ok() {
            user.run(&format!("kubectl config set-context --current --namespace={namespace}"));
        }
        user
    }

    /// Runs a line of shell with kubectl 1.36 and Helm 4.
    pub fn run(&self, line: &str) -> Output {
        self.run_with("v36", line)
    }

    /// Runs it with the clients of another level: `v32` has Helm 3, `v27` a kubectl that speaks SPDY only.
    pub fn run_with(&self, level: &str, line: &str) -> Output {
        let tools = tools();
        let level = tools.join(level);
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{path}", level.join("kubectl").display(), level.join("helm").display());
        let output = Command::new("timeout")
            .args(["120", "bash", "-o", "pipefail", "-c", line])
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .env("NAMESPACE", &self.namespace)
            .env("TOOLS", &tools)
            .current_dir(&self.home)
            .output()
            .expect("bash");
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a line of shell that must succeed; returns its standard output without the last newline.
    pub fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.code, 0, "{line}\n{}{}", output.stdout, output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Runs a line of shell that must fail; returns its standard error.
    pub fn fails(&self, line: &str) -> String {
        let output = self.run(line);
        assert_ne!(output.code, 0, "{line}\n{}", output.stdout);
        output.stderr.trim_end().to_owned()
    }

    /// Runs a line of shell that prints JSON.
    pub fn json(&self, line: &str) -> Value {
        let text = self.ok(line);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}\n{text}"))
    }

    /// Runs a line of shell until it succeeds and prints this, for at most a minute.
    pub fn until(&self, line: &str, wanted: &str) {
        let script = format!(
            "while [ $SECONDS -lt 60 ]; do [ \"$({line})\" = '{wanted}' ] && exit 0; sleep 0.25; done; {line}; exit 1"
        );
        let output = self.run(&script);
        assert_eq!(output.code, 0, "{line} never printed {wanted:?} but\n{}{}", output.stdout, output.stderr);
    }

    /// The file that tells clients where the cluster is and who they are.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The folder in which lines run.
    pub fn home(&self) -> &Path {
        &self.home
    }
}

/// Asks again until it is so, for at most a minute.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "this never came true: {what}");
        std::thread::sleep(Duration::from_millis(250));
    }
}
