//! A machine of its own for a server: a network namespace behind a pair of veth
//! devices, whose cable can be pulled and whose address can change. Linux, as root.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::programs;

/// How many a test program may have over its life.
const PER_PROGRAM: u32 = 4;

/// Of one network.
const ADDRESSES: u32 = 8;

/// The device within the namespace.
const FAR_DEVICE: &str = "far";

/// A namespace that one device leads to; gone when dropped.
#[derive(Debug)]
pub struct Network {
    /// The namespace, and the device that leads to it.
    name: String,
    near: Ipv4Addr,
    far: Ipv4Addr,
}

impl Network {
    /// Makes one.
    pub fn start() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        assert!(made < PER_PROGRAM, "at most {PER_PROGRAM} networks each");
        // Programs at once have pids of their own.
        let index = std::process::id() % (0x1_0000 / ADDRESSES / PER_PROGRAM) * PER_PROGRAM + made;
        let address =
            |host: u32| Ipv4Addr::from((10 << 24) | (213 << 16) | (index * ADDRESSES + host));
        let network = Self {
            name: format!("rsm{index}"),
            near: address(1),
            far: address(2),
        };
        let name = network.name.as_str();
        ip(&["netns", "add", name]);
        ip(&[
            "link", "add", name, "type", "veth", "peer", "name", FAR_DEVICE, "netns", name,
        ]);
        ip(&["addr", "add", &format!("{}/29", network.near), "dev", name]);
        ip(&["link", "set", name, "up"]);
        network.address_inside("add");
        network.inside(&["link", "set", "lo", "up"]);
        network.mend();
        network
    }

    /// The address of what listens in it.
    pub fn address(&self) -> Ipv4Addr {
        self.far
    }

    /// Pulls the cable: nothing comes through, and nobody is told.
    pub fn cut(&self) {
        self.inside(&["link", "set", FAR_DEVICE, "down"]);
    }

    /// Puts it back.
    pub fn mend(&self) {
        self.inside(&["link", "set", FAR_DEVICE, "up"]);
    }

    /// Gives it another address; the one before is nobody's.
    pub(crate) fn move_elsewhere(&mut self) {
        self.address_inside("del");
        self.far = Ipv4Addr::from(u32::from(self.far) + 1);
        self.address_inside("add");
    }

    /// From here on one packet in five gets lost on the way in, and what comes out is
    /// 1 Mbit/s.
    pub fn worsen(&self) {
        let rate = ["rate", "1mbit", "burst", "16kb", "latency", "400ms"];
        let mut shape = vec![
            "-n", &self.name, "qdisc", "add", "dev", FAR_DEVICE, "root", "tbf",
        ];
        shape.extend(rate);
        succeed(programs::command("tc").args(shape));
        let lose = [
            "-m",
            "statistic",
            "--mode",
            "random",
            "--probability",
            "0.2",
        ];
        let mut rule = Command::new("iptables");
        rule.args(["-A", "INPUT"]).args(lose).args(["-j", "DROP"]);
        succeed(&mut self.enter(&rule));
    }

    /// `command`, to be started in it.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        let mut entered = programs::command("nsenter");
        entered.arg(format!("--net=/run/netns/{}", self.name));
        entered.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => entered.env(name, value),
                None => entered.env_remove(name),
            };
        }
        entered
    }

    fn address_inside(&self, verb: &str) {
        let address = format!("{}/29", self.far);
        self.inside(&["addr", verb, &address, "dev", FAR_DEVICE]);
    }

    fn inside(&self, arguments: &[&str]) {
        let mut all = vec!["-n", &self.name];
        all.extend(arguments);
        ip(&all);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Its devices go with it.
        drop(
            programs::command("ip")
                .args(["netns", "del", &self.name])
                .output(),
        );
    }
}

fn ip(arguments: &[&str]) {
    succeed(programs::command("ip").args(arguments));
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
