//! A PostgreSQL that takes encrypted connections only: who is verified, who is refused, and with what sentence.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::super::{Ledger, LedgerError};
use super::faults::block_on;
use super::postgres::Server;
use super::samples::{begin, stamp};
use crate::trust::client_config;

/// Two authorities, and a certificate of the first for 127.0.0.1.
fn certificates(folder: &Path) {
    let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -addext basicConstraints=critical,CA:TRUE";
    let leaf = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -CA root.pem -CAkey root.key \
                -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1";
    for arguments in [
        format!("{authority} -keyout root.key -out root.pem -subj /CN=Root"),
        format!("{authority} -keyout other.key -out other.pem -subj /CN=Other"),
        format!("{leaf} -keyout server.key -out server.pem -subj /CN=Database"),
    ] {
        let made = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

#[test]
fn a_server_is_verified_in_full_or_refused_with_a_sentence() {
    let Some(mut server) = Server::start() else { return };
    certificates(server.folder());
    server.own("server.key");
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    server.with_tls(port);
    let name = server.database();
    let name = name.rsplit('/').next().unwrap();
    let url = |host: &str, mode: &str| format!("postgres://ledger@{host}:{port}/{name}?sslmode={mode}");
    let trusting = |name: &str| Some(client_config(&server.folder().join(name)).unwrap());

    let ledger = Ledger::postgres(&url("127.0.0.1", "verify-full"), trusting("root.pem")).unwrap();
    block_on(begin(&ledger, stamp("t1")));
    let is_encrypted = block_on(ledger.read(|tx| {
        tx.row("SELECT CASE WHEN ssl THEN version ELSE 'none' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])?
            .unwrap()
            .text()
    }));
    assert!(is_encrypted.unwrap().starts_with("TLSv1."));
    drop(ledger);

    let refused = |host: &str, authorities: &str| {
        let error = Ledger::postgres(&url(host, "verify-full"), trusting(authorities)).unwrap_err();
        assert!(matches!(error, LedgerError::Unavailable(_)), "{error}");
        error.to_string()
    };
    let other = refused("127.0.0.1", "other.pem");
    assert!(other.contains("invalid peer certificate: UnknownIssuer"), "{other}");
    // The certificate is for the address, not for the name.
    let name = refused("localhost", "root.pem");
    assert!(name.contains("not valid for name"), "{name}");
    // The server takes no connection that is not encrypted.
    let plain = Ledger::postgres(&url("127.0.0.1", "disable"), None).unwrap_err().to_string();
    assert!(plain.contains("no pg_hba.conf entry") && plain.contains("no encryption"), "{plain}");
    fs::write(server.folder().join("empty.pem"), "").unwrap();
    assert!(client_config(&server.folder().join("empty.pem")).is_err());
}
