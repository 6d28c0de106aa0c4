//! Getting a container's image, as its pull policy says.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_podlife::StartFailure;
use kubernel_runtime::cri;
use serde_json::Value;

use crate::pod::PodContext;

/// The image of a container, on the node when this returns. Tells about it in events as it goes.
pub(crate) async fn ensure(context: &PodContext, pod: &Value, container: &Value) -> Result<cri::Image, StartFailure> {
    let written = container["image"].as_str().unwrap_or_default();
    if super::sandbox::is_processes(pod) {
        // Whatever it says, nothing is fetched: the node's files are its image.
        return Ok(cri::Image { id: written.to_owned(), repo_tags: vec![written.to_owned()], ..Default::default() });
    }
    let name = container["name"].as_str().unwrap_or_default();
    let tell = |warning: bool, reason: &str, message: &str| {
        context.node.recorder.pod(pod, Some(name), warning, reason, message);
    };
    let Some(image) = with_tag(written) else {
        let message = format!(
            "Failed to apply default image tag \"{written}\": couldn't parse image name \"{written}\": invalid reference format"
        );
        tell(true, "InspectFailed", &message);
        return Err(failure("InvalidImageName", message));
    };
    let runtime = &context.node.runtime;
    let inspected = runtime.image(&image).await;
    let present = inspected.map_err(|error| {
        let message = format!("Failed to inspect image \"{written}\": {error}");
        tell(true, "InspectFailed", &message);
        failure("ImageInspectError", message)
    })?;
    let policy = container["imagePullPolicy"].as_str().unwrap_or("IfNotPresent");
    match (policy, present) {
        ("Never" | "IfNotPresent", Some(found)) => {
            let text =
                format!("Container image \"{written}\" already present on machine and can be accessed by the pod");
            tell(false, "Pulled", &text);
            return Ok(found);
        }
        ("Never", None) => {
            let message = format!("Container image \"{written}\" is not present with pull policy of Never");
            tell(true, "ErrImageNeverPull", &message);
            return Err(failure("ErrImageNeverPull", message));
        }
        _ => {}
    }
    tell(false, "Pulling", &format!("Pulling image \"{written}\""));
    let begin = Instant::now();
    match pull(context, pod, &image).await {
        Ok(found) => {
            let took = go_duration(begin.elapsed());
            let size = found.size;
            tell(
                false,
                "Pulled",
                &format!(
                    "Successfully pulled image \"{written}\" in {took} ({took} including waiting). Image size: {size} bytes."
                ),
            );
            Ok(found)
        }
        Err(message) => {
            tell(true, "Failed", &format!("Failed to pull image \"{written}\": {message}"));
            Err(StartFailure { event: Some("ErrImagePull".into()), ..failure("ErrImagePull", message) })
        }
    }
}

fn failure(reason: &str, message: String) -> StartFailure {
    StartFailure { reason: reason.to_owned(), message, end: None, event: Some(reason.to_owned()) }
}

async fn pull(context: &PodContext, pod: &Value, image: &str) -> Result<cri::Image, String> {
    let runtime = &context.node.runtime;
    let secrets = credentials(context, pod, image).await;
    // Each key that fits is tried; without one the registry may still let everybody in.
    let attempts = secrets.into_iter().map(Some).chain([None]);
    let mut last = String::new();
    for auth in attempts {
        match runtime.pull_image(image, auth).await {
            Ok(id) => {
                let by_name = runtime.image(image).await.ok().flatten();
                let found = match by_name {
                    Some(found) => Some(found),
                    None => runtime.image(&id).await.ok().flatten(),
                };
                return found.ok_or_else(|| format!("the image {image} was pulled but is not there"));
            }
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// The name with the tag `latest` where it has none; none when it is not a name.
fn with_tag(image: &str) -> Option<String> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let (path, tag) = match last.rsplit_once(':') {
        Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
        None => (name, None),
    };
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let mut parts = path.split('/').peekable();
    let host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let first_is_host =
        path.contains('/') && parts.peek().is_some_and(|first| first.contains(['.', ':']) || *first == "localhost");
    if first_is_host && !parts.next().is_some_and(|first| first.chars().all(host)) {
        return None;
    }
    let good = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        part.chars().all(word) && ends(part.chars().next()) && ends(part.chars().next_back())
    };
    if !parts.all(good) {
        return None;
    }
    if let Some(tag) = tag {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if tag.is_empty() || tag.len() > 128 || !tag.chars().all(fits) || tag.starts_with(['.', '-']) {
            return None;
        }
    }
    match (tag, digest) {
        (_, Some(digest)) if !digest.contains(':') => None,
        (None, None) => Some(format!("{image}:latest")),
        _ => Some(image.to_owned()),
    }
}

/// The registry of an image.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

async fn credentials(context: &PodContext, pod: &Value, image: &str) -> Vec<cri::AuthConfig> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut out = Vec::new();
    for reference in pod["spec"]["imagePullSecrets"].as_array().into_iter().flatten() {
        let name = reference["name"].as_str().unwrap_or_default();
        let secret = match context.node.objects.secret(namespace, name).await {
            Ok(Some(secret)) => secret,
            _ => {
                let text = format!(
                    "Unable to retrieve some image pull secrets ({name}); attempting to pull the image may not succeed."
                );
                context.node.recorder.pod(pod, None, true, "FailedToRetrieveImagePullSecret", &text);
                continue;
            }
        };
        let field = |key: &str| STANDARD.decode(secret["data"][key].as_str()?).ok();
        let auths = match (field(".dockerconfigjson"), field(".dockercfg")) {
            (Some(bytes), _) => serde_json::from_slice::<Value>(&bytes).map(|config| config["auths"].clone()),
            (None, Some(bytes)) => serde_json::from_slice::<Value>(&bytes),
            (None, None) => continue,
        };
        out.extend(auths.ok().iter().flat_map(|auths| matching(auths, image)));
    }
    out
}

fn matching(auths: &Value, image: &str) -> Vec<cri::AuthConfig> {
    let wanted = registry(image);
    let mut out = Vec::new();
    for (key, entry) in auths.as_object().into_iter().flatten() {
        let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let host = bare.split('/').next().unwrap_or_default();
        let docker = wanted == "docker.io" && (host == "index.docker.io" || host == "docker.io");
        let path_fits = bare.contains('/') && !docker && image.starts_with(bare);
        if !docker && (host != wanted || bare.contains('/') && !path_fits && !bare.ends_with("/v1")) {
            continue;
        }
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let (mut username, mut password) = (text("username"), text("password"));
        let pair = STANDARD.decode(text("auth")).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((user, secret)) = pair.as_deref().and_then(|pair| pair.split_once(':'))
            && username.is_empty()
        {
            (username, password) = (user.to_owned(), secret.to_owned());
        }
        let identity_token = text("identitytoken");
        out.push(cri::AuthConfig { username, password, identity_token, ..Default::default() });
    }
    out
}

/// A duration as Go prints it, to the millisecond.
fn go_duration(duration: std::time::Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let secs = millis % 60_000;
    let text = format!("{}.{:03}", secs / 1000, secs % 1000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if millis < 60_000 { format!("{text}s") } else { format!("{}m{text}s", millis / 60_000) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags() {
        for (image, expected) in [
            ("busybox", Some("busybox:latest")),
            ("busybox:1.36", Some("busybox:1.36")),
            ("reg:5000/a/b", Some("reg:5000/a/b:latest")),
            ("reg:5000/a/b:v1", Some("reg:5000/a/b:v1")),
            ("a@sha256:00", Some("a@sha256:00")),
            ("localhost/a", Some("localhost/a:latest")),
            ("Upper", None),
            ("", None),
            ("a:", None),
            ("a b", None),
            ("a//b", None),
        ] {
            assert_eq!(with_tag(image).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn keys_for_registries() {
        let auth = STANDARD.encode("me:secret");
        let auths = json!({
            "https://index.docker.io/v1/": {"auth": auth},
            "reg.example.com": {"username": "u", "password": "p"},
            "reg.example.com/team": {"username": "t", "password": "p"},
        });
        for (image, expected) in [
            ("busybox:1", vec!["me"]),
            ("reg.example.com/x:1", vec!["u"]),
            ("reg.example.com/team/x:1", vec!["u", "t"]),
            ("other.example.com/x:1", vec![]),
        ] {
            let users: Vec<String> = matching(&auths, image).into_iter().map(|auth| auth.username).collect();
            assert_eq!(users, expected, "{image}");
        }
    }

    #[test]
    fn durations() {
        for (millis, expected) in [(7, "7ms"), (1500, "1.5s"), (2000, "2s"), (61_001, "1m1.001s")] {
            assert_eq!(go_duration(std::time::Duration::from_millis(millis)), expected);
        }
    }
}
