#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

use super::*;
use crate::User;

fn names(addresses: &[&str]) -> ServingNames {
    ServingNames {
        hosts: Vec::new(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        service_cidr: "10.96.0.0/16".parse().unwrap(),
    }
}

/// Connects a client, showing `client` if any, to a server of this PKI under a name; says who the server sees.
fn handshake(pki: &Pki, name: &str, client: Option<&Issued>) -> Result<Option<PeerIdentity>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority().certificate_der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            builder.with_client_auth_cert(vec![issued.certificate_der().unwrap()], issued.key_der().unwrap()).unwrap()
        }
    };
    let mut client = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let tls = server_config(pki.serving(), pki.authority()).unwrap();
    let mut server = ServerConnection::new(Arc::new(tls)).unwrap();
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().map_err(|error| error.to_string())?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|error| error.to_string())?;
        }
    }
    let _ = (client.writer().flush(), server.reader().read(&mut []));
    Ok(server.peer_certificates().and_then(|chain| PeerIdentity::read(&chain[0])))
}

#[test]
fn everything_is_made_once_and_keys_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let first = Pki::open(folder.path(), &names(&["10.0.0.7"])).unwrap();
    let again = Pki::open(folder.path(), &names(&["10.0.0.7"])).unwrap();
    assert_eq!(first.authority().certificate_pem(), again.authority().certificate_pem());
    assert_eq!(first.serving().certificate_pem, again.serving().certificate_pem);
    assert_eq!(first.signer().jwks(), again.signer().jwks());
    assert_eq!(first.join_token(), again.join_token());
    for file in ["ca.key", "sa.key", "apiserver.key", "apiserver-kubelet-client.key", "join-token"] {
        let mode = std::fs::metadata(folder.path().join("pki").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let moved = Pki::open(folder.path(), &names(&["10.0.0.8"])).unwrap();
    assert_ne!(first.serving().certificate_pem, moved.serving().certificate_pem);
    assert_eq!(first.authority().certificate_pem(), moved.authority().certificate_pem());
}

#[test]
fn the_serving_certificate_is_good_for_all_names_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &names(&["10.0.0.7", "0.0.0.0"])).unwrap();
    for name in ["localhost", "127.0.0.1", "kubernetes.default.svc.cluster.local", "10.96.0.1", "10.0.0.7"] {
        assert_eq!(handshake(&pki, name, None), Ok(None), "{name}");
    }
    for name in ["example.com", "10.0.0.8", "0.0.0.0"] {
        assert!(handshake(&pki, name, None).is_err(), "{name}");
    }
}

#[test]
fn client_certificates_name_users() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &names(&[])).unwrap();
    let seen = |issued: &Issued| handshake(&pki, "localhost", Some(issued)).map(|peer| peer.unwrap().user);
    let admin = pki.authority().issue(&Identity::admin(), Usage::Client).unwrap();
    assert_eq!(seen(&admin), Ok(User::new("kubernetes-admin", &["system:masters", "system:authenticated"])));
    let node = pki.node_client("n1").unwrap();
    assert_eq!(seen(&node), Ok(User::new("system:node:n1", &["system:nodes", "system:authenticated"])));
    // A serving certificate is no client's, and a stranger's is nobody's.
    let serving = pki.node_serving("n1", &[]).unwrap();
    assert!(seen(&serving).is_err());
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Pki::open(elsewhere.path(), &names(&[])).unwrap().node_client("n1").unwrap();
    assert!(seen(&stranger).is_err());
}

#[test]
fn a_request_for_a_certificate_is_signed_for_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &names(&[])).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:n2");
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let certificate_pem = pki.authority().sign_request(&request, &[Usage::Client], 3600).unwrap();
    let issued = Issued { certificate_pem, key_pem: key.serialize_pem() };
    let peer = handshake(&pki, "localhost", Some(&issued)).unwrap().unwrap();
    assert_eq!(peer.user.node_name(), Some("n2"));
    assert!(pki.authority().sign_request("no request", &[Usage::Client], 3600).is_err());
}

fn claims(exp: i64) -> Claims {
    let now = jiff::Timestamp::now().as_second();
    Claims {
        aud: vec![ISSUER.to_owned()],
        exp: now + exp,
        iat: now,
        iss: ISSUER.to_owned(),
        jti: "1".to_owned(),
        kubernetes: KubernetesClaims { namespace: "a".to_owned(), ..KubernetesClaims::default() },
        nbf: now,
        sub: "system:serviceaccount:a:b".to_owned(),
    }
}

#[test]
fn tokens_are_checked_for_signature_issuer_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| TokenSigner::open(&folder.path().join(name)).unwrap();
    let (ours, other) = (open("a"), open("b"));
    let token = ours.sign(&claims(600)).unwrap();
    assert_eq!(ours.verify(&token).unwrap().sub, "system:serviceaccount:a:b");
    assert_eq!(open("a").verify(&token).unwrap().kubernetes.namespace, "a");
    assert_eq!(other.verify(&token), Err(TokenError::Invalid));
    assert_eq!(ours.verify(&ours.sign(&claims(-3600)).unwrap()), Err(TokenError::Invalid));
    let foreign = Claims { iss: "https://elsewhere".to_owned(), ..claims(600) };
    assert_eq!(ours.verify(&ours.sign(&foreign).unwrap()), Err(TokenError::NotOurs));
    for garbage in ["", "a.b.c", "x", "..", &token[..token.len() / 2]] {
        assert!(ours.verify(garbage).is_err(), "{garbage}");
    }
}

#[test]
fn join_tokens_read_what_they_write() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &names(&[])).unwrap();
    let token = pki.join_token();
    let read = JoinToken::parse(&token.to_string()).unwrap();
    assert_eq!(&read, token);
    assert!(read.trusts(pki.authority().certificate_der()));
    assert_eq!(JoinToken::parse(&token.bearer()).unwrap().bearer(), token.bearer());
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pki::open(elsewhere.path(), &names(&[])).unwrap();
    assert!(!read.trusts(other.authority().certificate_der()));
    for wrong in ["", "abcdef", "abcdef.0123456789abcde", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef@sha256:1"]
    {
        assert_eq!(JoinToken::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_kubeconfig_is_private_and_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open(folder.path(), &names(&[])).unwrap();
    let path = folder.path().join("admin.kubeconfig");
    std::fs::write(&path, "old").unwrap();
    pki.write_kubeconfig(&path, "https://127.0.0.1:6443", &Identity::admin()).unwrap();
    let config: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(config["clusters"][0]["cluster"]["server"], "https://127.0.0.1:6443");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}
