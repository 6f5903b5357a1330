//! A poor network, made by the kernel in a namespace of its own: each fifth packet is lost (iptables), the line has 64 kbit/s (tc), and a
//! relay holds everything back for 800 ms. (netem would do all three; the kernels of small virtual machines often lack it.)

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use installer::format::Kind;
use serde_json::json;

use super::super::boot::is_root;
use super::Vendor;
use super::device::Device;
use crate::support::{both, judge, missing, output};

/// Listens where the service would, and holds back what it passes on, each way.
const RELAY: &str = r#"
import socket, sys, threading, time
port, path, delay = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
def pass_on(one, other):
    while data := one.recv(65536):
        time.sleep(delay)
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
listener = socket.create_server(("127.0.0.1", port))
while True:
    device, _ = listener.accept()
    service = socket.socket(socket.AF_UNIX)
    service.connect(path)
    for pair in [(device, service), (service, device)]:
        threading.Thread(target=pass_on, args=pair, daemon=True).start()
"#;

/// The agent runs as a service does, until it has checked in.
const STEPS: &str = r#"
port=$1 socket=$2 relay=$3 agent=$4 outcome=$5
ip link set lo mtu 1500 up
tc qdisc add dev lo root tbf rate 64kbit burst 6000 latency 2s
iptables -A INPUT -i lo -p tcp -m statistic --mode nth --every 5 --packet 0 -j DROP
python3 -c "$relay" "$port" "$socket" 0.8 & relay=$!
for n in $(seq 100); do ss -ltn | grep -q ":$port " && break; sleep 0.1; done
"$agent" run & agent=$!
for n in $(seq 450); do grep -q checked-in "$outcome" 2>/dev/null && break; sleep 0.2; done
kill $agent $relay
iptables -nvxL INPUT | awk '/DROP/ { print "dropped=" $1 }'
tc -s qdisc show dev lo | awk '/Sent/ { print "sent=" $4 }'
"#;

/// Gives what comes to the socket to the service, whose address is of another namespace.
fn serve(listener: UnixListener, port: u16) {
    fn pass_on(mut from: impl Read, mut to: impl Write) {
        let _ = std::io::copy(&mut from, &mut to);
    }
    for device in listener.incoming().flatten() {
        let Ok(service) = TcpStream::connect(("127.0.0.1", port)) else { return };
        let both = |device: &UnixStream| Some((device.try_clone().ok()?, service.try_clone().ok()?));
        let Some((from, to)) = both(&device) else { return };
        thread::spawn(move || pass_on(from, to));
        thread::spawn(move || {
            pass_on(service, &device);
            let _ = device.shutdown(std::net::Shutdown::Write);
        });
    }
}

#[test]
fn a_device_comes_through_a_network_that_loses_delays_and_is_slow() {
    if !is_root() {
        return missing("root, to make a network");
    }
    if ["unshare", "ip", "tc", "iptables", "python3"].iter().any(|program| judge(program).is_none()) {
        return;
    }
    let Some(vendor) = Vendor::new(Kind::Deb) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let token = vendor.mint(10);
    let device = Device::new(&vendor, "far-away", &token.secret);
    let port: u16 = vendor.server.url.rsplit(':').next().unwrap().parse().unwrap();
    let socket = vendor.path("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || serve(listener, port));

    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", STEPS, "steps", &port.to_string()]).arg(&socket).arg(RELAY);
    command.arg(device.program()).arg(device.root.join("var/lib/enrolled-agent/outcome.json"));
    let said = both(&output(command.env("NO_PROXY", "127.0.0.1")));
    let number = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u64>().ok()).unwrap_or_else(|| panic!("no {name} in: {said}"))
    };
    assert!(said.contains("enrolled as dev-") && said.contains("checked in"), "{said}");
    // The network was poor, and the agent has not made up for it by asking again and again.
    let (dropped, sent) = (number("dropped"), number("sent"));
    assert!(dropped > 0 && sent < 1500, "{said}");
    let tries = said.matches("the server was not reached").count();
    assert!(tries <= 8, "{tries} tries in vain: {said}");
    // However often an answer was lost: one record, one use.
    assert_eq!((vendor.devices().len(), vendor.uses(&token)), (1, json!(1)), "{said}");
    assert_eq!(device.state(), "enrolled\n");
}
