//! Keys and certificates of a certificate authority that lives as long as the tests, and a timestamp authority beside it:
//! all made by OpenSSL.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

use super::{both, judge, output};

/// What an extended key usage is for, as OpenSSL writes it.
pub const CODE_SIGNING: &str = "codeSigning";
/// Apple's Developer ID Installer.
pub const INSTALLER: &str = "critical,1.2.840.113635.100.4.13";

const CONFIGURATION: &str = "\
[ca]\ndefault_ca=here\n[here]\ndir=.\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\n\
private_key=ca.key\ndefault_md=sha256\npolicy=names\nunique_subject=no\n[names]\ncommonName=supplied\n\
organizationName=optional\n[tsa]\nserial=tsa-serial\nsigner_cert=tsa.crt\ncerts=ca.pem\nsigner_key=tsa.key\n\
signer_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\n";

/// A folder with `ca.pem` and, for each name, `NAME.key` (0600) and `NAME.pem`: the leaf, then the root.
pub struct Keys {
    folder: TempDir,
    openssl: PathBuf,
}

/// The keys, made once for the whole run. `None`: there is no OpenSSL.
pub fn keys() -> Option<&'static Keys> {
    static KEYS: OnceLock<Option<Keys>> = OnceLock::new();
    KEYS.get_or_init(|| judge("openssl").map(Keys::make)).as_ref()
}

impl Keys {
    fn make(openssl: PathBuf) -> Self {
        let keys = Self { folder: tempfile::tempdir().unwrap(), openssl };
        for (name, text) in [("index.txt", ""), ("serial", "01\n"), ("tsa-serial", "01\n"), ("cnf", CONFIGURATION)] {
            fs::write(keys.path(name), text).unwrap();
        }
        keys.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /CN=Test-Root/O=Example \
                      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign,cRLSign",
        );
        let year = "-startdate 20200101000000Z -enddate 20450101000000Z";
        keys.leaf("rsa2048", "rsa:2048", CODE_SIGNING, year);
        keys.leaf("rsa4096", "rsa:4096", CODE_SIGNING, year);
        keys.leaf("p256", "ec -pkeyopt ec_paramgen_curve:P-256", CODE_SIGNING, year);
        keys.leaf("p384", "ec -pkeyopt ec_paramgen_curve:P-384", CODE_SIGNING, year);
        keys.leaf("p521", "ec -pkeyopt ec_paramgen_curve:P-521", CODE_SIGNING, year);
        keys.leaf("rsa1024", "rsa:1024", CODE_SIGNING, year);
        keys.leaf("installer", "rsa:2048", INSTALLER, year);
        keys.leaf("installer-p256", "ec -pkeyopt ec_paramgen_curve:P-256", INSTALLER, year);
        keys.leaf("server", "ec -pkeyopt ec_paramgen_curve:P-256", "serverAuth", year);
        keys.leaf(
            "expired",
            "ec -pkeyopt ec_paramgen_curve:P-256",
            CODE_SIGNING,
            "-startdate 20200101000000Z -enddate 20210101000000Z",
        );
        keys.leaf(
            "future",
            "ec -pkeyopt ec_paramgen_curve:P-256",
            CODE_SIGNING,
            "-startdate 20480101000000Z -enddate 20490101000000Z",
        );
        keys.leaf("tsa", "rsa:2048", "critical,timeStamping", year);
        keys.leaf("short", "rsa:2048", CODE_SIGNING, "-days 10");
        keys.leaf("lifetime", "rsa:2048", "codeSigning,1.3.6.1.4.1.311.10.3.13", "-days 100");
        keys
    }

    fn leaf(&self, name: &str, kind: &str, usage: &str, validity: &str) {
        self.openssl(&format!(
            "req -new -newkey {kind} -nodes -keyout {name}.key -out {name}.csr -subj /CN=Test-{name}/O=Example"
        ));
        let extensions = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n"
        );
        fs::write(self.path("extensions"), extensions).unwrap();
        self.openssl(&format!(
            "ca -config cnf -batch -notext -in {name}.csr -out {name}.crt -extfile extensions {validity}"
        ));
        let chain = [fs::read(self.path(&format!("{name}.crt"))).unwrap(), fs::read(self.path("ca.pem")).unwrap()];
        fs::write(self.path(&format!("{name}.pem")), chain.concat()).unwrap();
    }

    /// Runs OpenSSL in the folder; it must succeed.
    pub fn openssl(&self, arguments: &str) {
        let mut command = Command::new(&self.openssl);
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        let said = output(&mut command);
        assert!(said.status.success(), "openssl {arguments}: {}", both(&said));
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text, for an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The arguments that sign with a key in a file.
    pub fn arguments(&self, name: &str) -> Vec<String> {
        ["--certs".into(), self.text(&format!("{name}.pem")), "--key".into(), self.text(&format!("{name}.key"))].into()
    }
}

/// How a timestamp authority behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It answers each question.
    Good,
    /// It answers each question with the answer to the first.
    Repeats,
    /// It answers with an error of HTTP.
    Down,
    /// It refuses each question.
    Refuses,
}

/// A timestamp authority on this machine, until the tests end. Gives its URL.
pub fn timestamp_authority(keys: &'static Keys, manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ts", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let mut first = None;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(question) = body(&mut stream) else { continue };
            let answer = match (manners, &first) {
                (Manners::Repeats, Some(answer)) => Vec::clone(answer),
                (Manners::Refuses, _) => vec![0x30, 5, 0x30, 3, 2, 1, 2],
                _ => reply(keys, folder.path(), &question),
            };
            first.get_or_insert_with(|| answer.clone());
            let status = if manners == Manners::Down { "503 Service Unavailable" } else { "200 OK" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
        }
    });
    url
}

fn reply(keys: &Keys, folder: &Path, question: &[u8]) -> Vec<u8> {
    // All authorities of a run count their answers in one file.
    static COUNTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = COUNTING.lock().unwrap();
    let (query, answer) = (folder.join("query"), folder.join("answer"));
    fs::write(&query, question).unwrap();
    let (query, answer_text) = (query.to_str().unwrap(), answer.to_str().unwrap());
    keys.openssl(&format!("ts -reply -config cnf -section tsa -queryfile {query} -out {answer_text}"));
    fs::read(&answer).unwrap()
}

/// An authority that answers as those before RFC 3161 did, with a countersignature, until the tests end. Gives its URL. `signer` is the name of its key.
pub fn countersigner(keys: &'static Keys, signer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scripts/timstamp.dll", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(question) = body(&mut stream) else { continue };
            let answer = countersign(keys, folder.path(), signer, &question);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
        }
    });
    url
}

/// The question is base64 of `SEQUENCE { OID, SEQUENCE { data, [0] OCTET STRING signature } }`; the answer is base64 of a signed message over the signature,
/// of which the asker takes the SignerInfo and the certificates.
fn countersign(keys: &Keys, folder: &Path, signer: &str, question: &[u8]) -> Vec<u8> {
    let (base64, der) = (folder.join("question.base64"), folder.join("question"));
    let (signature, answer) = (folder.join("signature"), folder.join("answer"));
    fs::write(&base64, question).unwrap();
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let one_line = if question.trim_ascii_end().contains(&b'\n') { "" } else { "-A" };
    keys.openssl(&format!("enc -d -base64 {one_line} -in {} -out {}", text(&base64), text(&der)));
    let bytes = fs::read(&der).unwrap();
    let at = bytes.windows(4).position(|window| window[..2] == [4, 0x82]).unwrap();
    let len = usize::from(bytes[at + 2]) << 8 | usize::from(bytes[at + 3]);
    fs::write(&signature, &bytes[at + 4..at + 4 + len]).unwrap();
    keys.openssl(&format!(
        "cms -sign -binary -nodetach -nosmimecap -md sha256 -outform DER -signer {signer}.crt -inkey {signer}.key -certfile ca.pem -in {} -out {}",
        text(&signature),
        text(&answer)
    ));
    keys.openssl(&format!("enc -base64 -in {} -out {}", text(&answer), text(&base64)));
    fs::read(&base64).unwrap()
}

/// The body of a request.
fn body(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse::<usize>().ok()?;
            if bytes.len() >= end + 4 + length {
                return Some(bytes[end + 4..].to_vec());
            }
        }
        match stream.read(&mut piece).ok()? {
            0 => return None,
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
}
