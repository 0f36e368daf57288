//! Networks of a test's own: homes behind routers, on one internet (Linux).
//!
//! Made of network namespaces, `ip` and `nft`, which need no root where the system lets users make namespaces.
//! The test itself is on the internet, at [`INTERNET`]; what it starts with [`Home::command`] is at home.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

/// The addresses of the test.
pub const INTERNET: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2))];

/// Says to the test that it runs inside.
const INSIDE: &str = "CONJOIN_TEST_INSIDE";

/// Everything that is made in there is gone with it.
const UNSHARE: [&str; 5] = ["--user", "--map-root-user", "--net", "--mount", "--"];

/// What a network is made with; fails where that cannot be.
const PROBE: &str = "PATH=$PATH:/usr/sbin; mount -t tmpfs run /run && ip netns add one && ip link add left type veth peer name right \
                     && echo 1 > /proc/sys/net/ipv4/ip_forward \
                     && nft 'table ip t { chain c { type nat hook postrouting priority 100; }; }'";

/// What a router does beside translating addresses of what goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Router {
    /// It shows all the same address, and lets in what answers: most routers at home.
    Usual,
    /// It shows all the same address, and lets in what comes from where something was sent to, from any port.
    Restricted,
    /// It shows all the same address, and lets in everything.
    Open,
    /// It shows each another address, and lets in what answers.
    Symmetric,
    /// As the usual one, but no UDP gets through.
    NoUdp,
}

/// Runs `test` in a network of its own, of which only the loopback is there; `name` is the name of the test that
/// calls this, with its modules.
///
/// Where there are no namespaces, or no tools for them, it says so and tests nothing.
///
/// # Panics
/// If the test fails.
pub fn with_network(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        shell("mount -t tmpfs run /run");
        shell("ip link set lo up");
        return test();
    }
    let run = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(UNSHARE).args(command).env(INSIDE, "1").output()
    };
    match run(&["sh", "-c", PROBE]) {
        Ok(output) if output.status.success() => {}
        output => {
            let told = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
            eprintln!("NOT TESTED: no networks can be made here, with unshare, ip and nft: {told:?}");
            return;
        }
    }
    let this = std::env::current_exe().expect("a test has a program");
    let this = this.to_str().expect("its path is text");
    let output = run(&[this, "--exact", name, "--nocapture"]).expect("it did before");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

/// Runs `test` on the internet of a network of its own, as [`with_network`] does.
pub fn with_internet(name: &str, test: impl FnOnce()) {
    with_network(name, || {
        make_internet();
        test();
    });
}

fn make_internet() {
    shell("ip link add internet type bridge");
    for address in INTERNET {
        shell(&format!("ip address add {address}/24 dev internet"));
    }
    shell("ip link set internet up");
}

/// A network behind a router, with one machine.
#[derive(Debug)]
pub struct Home(String);

impl Home {
    /// The home with this number.
    pub fn new(number: u8, router: Router) -> Self {
        let (home, wall, n) = (format!("home{number}"), format!("router{number}"), number);
        for namespace in [&home, &wall] {
            shell(&format!("ip netns add {namespace} && ip -n {namespace} link set lo up"));
        }
        shell(&format!("ip link add wan netns {wall} type veth peer name to{n}"));
        shell(&format!("ip link set to{n} master internet up"));
        shell(&format!("ip -n {wall} address add 198.51.100.{}/24 dev wan", 10 + n));
        shell(&format!("ip -n {wall} link set wan up"));
        shell(&format!("ip link add lan netns {wall} type veth peer name eth0 netns {home}"));
        for (namespace, device, host) in [(&wall, "lan", 1), (&home, "eth0", 2)] {
            shell(&format!("ip -n {namespace} address add 10.{n}.0.{host}/24 dev {device}"));
            shell(&format!("ip -n {namespace} link set {device} up"));
        }
        shell(&format!("ip -n {home} route add default via 10.{n}.0.1"));
        shell(&format!("{} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'", enter(&wall)));
        for rule in rules(router, &format!("10.{n}.0.2")) {
            shell(&format!("{} nft '{rule}'", enter(&wall)));
        }
        Self(home)
    }

    /// A program that runs there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([&format!("--net=/run/netns/{}", self.0), "--", program]);
        command
    }
}

fn enter(namespace: &str) -> String {
    format!("nsenter --net=/run/netns/{namespace} --")
}

/// What is not let in is dropped, as routers do: an answer would tell that nobody is there.
fn rules(router: Router, inside: &str) -> Vec<String> {
    let translate = match router {
        Router::Symmetric => "masquerade fully-random",
        _ => "masquerade",
    };
    let mut rules = vec![
        "add table ip r".to_owned(),
        "add set ip r spoken { type ipv4_addr; }".to_owned(),
        "add chain ip r out { type nat hook postrouting priority 100; }".to_owned(),
        format!("add rule ip r out oifname wan {translate}"),
        "add chain ip r in { type nat hook prerouting priority -100; }".to_owned(),
        "add chain ip r here { type filter hook input priority 0; }".to_owned(),
        "add rule ip r here iifname wan drop".to_owned(),
        "add chain ip r through { type filter hook forward priority 0; }".to_owned(),
    ];
    match router {
        Router::Usual | Router::Symmetric => {}
        Router::Open => rules.push(format!("add rule ip r in iifname wan meta l4proto udp dnat to {inside}")),
        Router::Restricted => {
            rules.push("add rule ip r through oifname wan add @spoken { ip daddr }".to_owned());
            rules.push(format!(
                "add rule ip r in iifname wan ip saddr @spoken meta l4proto udp dnat to {inside}"
            ));
        }
        Router::NoUdp => rules.push("add rule ip r through meta l4proto udp drop".to_owned()),
    }
    rules
}

fn shell(command: &str) {
    // Who is not root may not have them on the path.
    let script = format!("PATH=$PATH:/usr/sbin; {command}");
    let output = Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}
