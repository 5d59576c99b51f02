//! The network as the pack describes it: devices with fixed addresses, upstreams, mail.
//! Ports are options of the command; secrets are never in a pack.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use pharos_catalogue::{Address, Upstream};
use pharos_filter::{FixedEntry, Owner};
use pharos_school::{Mac, PersonId};

use crate::filter::refuse_suffix;
use crate::problem::{Place, Severity};
use crate::read::{Cx, Fields};

/// A fixed entry of the address map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressEntry {
    /// The device's address, or the range of a room.
    pub range: IpNet,
    /// Label for people, such as `Library 3`.
    pub label: String,
    /// Username of the person whose device it usually is; `None` for a shared device.
    pub user: Option<String>,
}

impl AddressEntry {
    /// The entry for the filter's address map. A username that is not on the roll leaves the
    /// device shared: nobody until someone signs in.
    pub fn resolve(&self, person: impl Fn(&str) -> Option<PersonId>) -> FixedEntry {
        let owner = self
            .user
            .as_deref()
            .and_then(person)
            .map_or(Owner::Shared, Owner::Person);
        FixedEntry {
            range: self.range,
            owner,
            device: Some(Arc::from(self.label.as_str())),
        }
    }
}

/// A device of the school's register, known by its hardware address (`[[devices]] mac`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredDevice {
    /// Its hardware address.
    pub mac: Mac,
    /// Label for people, such as `Tablet 17`.
    pub label: String,
    /// Username of the person whose device it usually is; `None` for a shared device.
    pub user: Option<String>,
    /// Its fixed network address, where the entry names one beside it.
    pub address: Option<IpAddr>,
}

/// The files in which a DHCP server keeps its leases (MON-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFile {
    /// Who writes it: `isc`, `kea` or `dnsmasq`.
    pub format: String,
    /// Where it is on this machine.
    pub path: String,
}

/// A Wi-Fi controller, switch or RADIUS server that sends accounting (MON-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RadiusClient {
    /// Its name; its shared secret is kept under it, never in a pack.
    pub name: String,
    /// Where its packets come from.
    pub range: IpNet,
}

/// Addresses outside the school's faces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// DHCP lease files that are read.
    pub leases: Vec<LeaseFile>,
    /// Who may send RADIUS accounting.
    pub radius: Vec<RadiusClient>,
    /// Who may send syslog.
    pub syslog_from: Vec<IpNet>,
    /// Resolvers that names are forwarded to; empty: none but those told at the start.
    pub dns_upstreams: Vec<Upstream>,
    /// The address of the pages for people, as printed in links; `None`: the web face's own.
    pub web: Option<String>,
}

/// How notices leave by mail. The password, if any, comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Host and port of the mail server.
    pub smtp: String,
    /// How the connection is protected.
    pub tls: MailTls,
    /// The sender.
    pub from: String,
    /// Name for signing in, where the server asks for one.
    pub user: Option<String>,
}

/// Protection of the mail connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// None: for a relay on the same machine only.
    None,
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// `[[devices]]`: those with a fixed address, and those known by their hardware address; one may
/// have both.
pub(crate) fn read_devices(
    root: &mut Fields<'_>,
    cx: &mut Cx<'_>,
) -> (Vec<AddressEntry>, Vec<RegisteredDevice>) {
    let mut devices: Vec<AddressEntry> = Vec::new();
    let mut registered: Vec<RegisteredDevice> = Vec::new();
    for mut fields in root.tables("devices", cx) {
        let at = fields.at();
        let mac = fields.text("mac", cx);
        let address = match mac {
            Some(_) => fields.text("address", cx),
            None => fields.needed_text("address", cx),
        };
        let label = fields.text("label", cx);
        let user = fields.text("user", cx).map(|user| user.to_lowercase());
        fields.finish(cx);
        if let Some(mac) = mac {
            let fixed = address.as_deref().and_then(range_of);
            let fixed = fixed
                .filter(|range| range.prefix_len() == range.max_prefix_len())
                .map(|range| range.addr());
            read_mac(&mac, at, (&label, &user, fixed), &mut registered, cx);
        }
        let Some(address) = address else { continue };
        let Some(range) = range_of(&address) else {
            cx.error(
                at,
                format!("devices: {address:?} is not an address"),
                "write \"10.1.8.20\" or a range \"10.1.8.0/24\"",
            );
            continue;
        };
        if devices.iter().any(|device| device.range == range) {
            cx.error(at, format!("devices: {address} is there twice"), "keep one");
            continue;
        }
        if user.is_some() && range.prefix_len() != range.max_prefix_len() {
            cx.error(
                at,
                format!("devices: {address} is a range, and a range belongs to nobody"),
                "name one address, or leave out user",
            );
        }
        devices.push(AddressEntry {
            range,
            label: label.unwrap_or(address),
            user,
        });
    }
    (devices, registered)
}

fn read_mac(
    text: &str,
    at: Place,
    (label, user, address): (&Option<String>, &Option<String>, Option<IpAddr>),
    registered: &mut Vec<RegisteredDevice>,
    cx: &mut Cx<'_>,
) {
    let Ok(mac) = text.parse::<Mac>() else {
        cx.error(
            at,
            format!("devices: {text:?} is not a hardware address"),
            "write \"00:11:22:aa:bb:cc\"",
        );
        return;
    };
    if registered.iter().any(|device| device.mac == mac) {
        cx.error(at, format!("devices: {mac} is there twice"), "keep one");
        return;
    }
    registered.push(RegisteredDevice {
        mac,
        label: label.clone().unwrap_or_else(|| mac.to_string()),
        user: user.clone(),
        address,
    });
}

/// `network.dhcp_leases`: texts such as `kea:/var/lib/kea/kea-leases4.csv`.
fn read_leases(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<LeaseFile> {
    let mut files = Vec::new();
    for (at, text) in fields.texts("dhcp_leases", cx) {
        match text.split_once(':') {
            Some((format @ ("isc" | "kea" | "dnsmasq"), path)) if path.starts_with('/') => {
                files.push(LeaseFile {
                    format: format.to_owned(),
                    path: path.to_owned(),
                });
            }
            _ => cx.error(
                at,
                format!("network.dhcp_leases: {text:?} is not a kind and a file"),
                "write \"isc:/var/lib/dhcp/dhcpd.leases\", \"kea:/…\" or \"dnsmasq:/…\"",
            ),
        }
    }
    files
}

/// `[[network.radius]]`: who may send accounting.
fn read_radius(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<RadiusClient> {
    let mut clients: Vec<RadiusClient> = Vec::new();
    for mut fields in fields.tables("radius", cx) {
        let at = fields.at();
        let name = fields.needed_text("name", cx);
        let from = fields.needed_text("from", cx);
        if let Some((node, _)) = fields.node("secret") {
            cx.error(
                node.at,
                "a secret does not belong in a pack",
                "give it to the server with `pharos radius NAME`",
            );
        }
        fields.finish(cx);
        let (Some(name), Some(from)) = (name, from) else {
            continue;
        };
        let fits = (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let Some(range) = range_of(&from) else {
            cx.error(
                at,
                format!("network.radius: {from:?} is not an address"),
                "write \"10.0.8.5\" or a range \"10.0.8.0/24\"",
            );
            continue;
        };
        if !fits || clients.iter().any(|client| client.name == name) {
            cx.error(
                at,
                format!("network.radius: {name:?} is no name, or is there twice"),
                "use small letters, digits and hyphens, each name once",
            );
            continue;
        }
        clients.push(RadiusClient { name, range });
    }
    clients
}

/// `network.syslog_from`: who may send syslog.
fn read_syslog(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<IpNet> {
    let mut ranges = Vec::new();
    for (at, text) in fields.texts("syslog_from", cx) {
        match range_of(&text) {
            Some(range) => ranges.push(range),
            None => cx.error(
                at,
                format!("network.syslog_from: {text:?} is not an address"),
                "write \"10.0.0.1\" or a range \"10.0.0.0/24\"",
            ),
        }
    }
    ranges
}

fn range_of(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

/// The most resolvers that are forwarded to.
const UPSTREAMS_MAX: usize = 16;

/// `network.dns_upstreams`: each with the way it is asked.
fn read_upstreams(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Upstream> {
    let mut upstreams: Vec<Upstream> = Vec::new();
    for (at, text) in fields.texts("dns_upstreams", cx) {
        let (message, help) = match text.parse::<Upstream>() {
            Ok(upstream) if upstreams.contains(&upstream) => (
                format!("network.dns_upstreams: {text:?} is there twice"),
                "keep one",
            ),
            Ok(_) if upstreams.len() == UPSTREAMS_MAX => (
                format!("network.dns_upstreams: more than {UPSTREAMS_MAX} resolvers"),
                "two or three are enough: the next is asked where one does not answer",
            ),
            Ok(upstream) => {
                upstreams.push(upstream);
                continue;
            }
            Err(_) => (
                format!("network.dns_upstreams: {text:?} is no resolver"),
                "write \"192.0.2.53\", \"tcp://192.0.2.53\", \"tls://192.0.2.53#dns.example\" or \"https://192.0.2.53/dns-query#dns.example\": always an address, encrypted with the name that its certificate carries, and :port after the address where it is not the usual one",
            ),
        };
        cx.error(at, message, help);
    }
    let encrypted = upstreams.iter().filter(|one| one.is_encrypted()).count();
    if encrypted > 0 && encrypted < upstreams.len() {
        let file = cx.file.to_owned();
        cx.problems.add(
            &file,
            fields.at(),
            Severity::Warning,
            "network.dns_upstreams: some of these resolvers are asked encrypted and some in the clear",
            Some("where an encrypted one does not answer, names go out in the clear: write tls:// or https:// for all, if that matters".to_owned()),
        );
    }
    upstreams
}

/// `network.web`: where people reach the pages. No list may block its name, so it must be one that belongs to
/// the school, and not one under which others register or are hosted.
fn read_web(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<String> {
    let at = fields.node("web").map(|(node, _)| node.at)?;
    let web = fields.text("web", cx)?.trim_end_matches('/').to_owned();
    let suffix = Address::parse(&web).ok().and_then(|a| a.host().suffix());
    if !web.starts_with("https://") && !web.starts_with("http://") {
        cx.error(
            at,
            format!("network.web: {web:?} is not an address of a website"),
            "write \"https://pharos.example\"",
        );
    } else if suffix.is_some() {
        let (file, severity) = (cx.file.to_owned(), cx.problems.of_everybody());
        cx.problems.add(
            &file,
            at,
            severity,
            format!("network.web: {web:?} is no name of the school's own: others have names below it, and no list would block any of them"),
            Some("write the whole name of the server, such as \"https://pharos.school.example\"".to_owned()),
        );
    }
    Some(web)
}

pub(crate) fn read_network(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Network {
    let Some(mut fields) = root.table("network", cx) else {
        return Network::default();
    };
    let dns_upstreams = read_upstreams(&mut fields, cx);
    let web = read_web(&mut fields, cx);
    let network = Network {
        leases: read_leases(&mut fields, cx),
        radius: read_radius(&mut fields, cx),
        syslog_from: read_syslog(&mut fields, cx),
        dns_upstreams,
        web,
    };
    fields.finish(cx);
    network
}

pub(crate) fn read_mail(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<Mail> {
    let mut fields = root.table("mail", cx)?;
    let smtp = fields.needed_text("smtp", cx);
    let from = fields.needed_text("from", cx);
    if let (Some(from), Some((node, _))) = (&from, fields.node("from")) {
        // No list may block the school's own domain.
        let domain = from.rsplit('@').next().unwrap_or_default();
        refuse_suffix("mail.from", node.at, domain.trim_end_matches('>'), cx);
    }
    let tls = match fields.word("tls", &["none", "starttls", "tls"], cx) {
        Some("none") => MailTls::None,
        Some("tls") => MailTls::Tls,
        _ => MailTls::StartTls,
    };
    let user = fields.text("user", cx);
    if let Some((node, _)) = fields.node("password") {
        cx.error(
            node.at,
            "a password does not belong in a pack",
            "give it to the server as PHAROS_SMTP_PASSWORD",
        );
    }
    fields.finish(cx);
    Some(Mail {
        smtp: smtp?,
        tls,
        from: from?,
        user,
    })
}
