//! What can be typed of the network around the filter, and of devices that take the filter along.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// `pharos network …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct NetworkArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: NetworkCommand,
}

/// What can be done about the network.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum NetworkCommand {
    /// The nftables rules for a router that sends the school's traffic through the filter on it
    Rules {
        /// A network whose devices are filtered; without it, the pack's places
        #[arg(long, value_name = "NET")]
        subnet: Vec<ipnet::IpNet>,
        /// The port of `pharos serve --transparent`
        #[arg(long, default_value_t = 3129)]
        port: u16,
        /// For `pharos serve --tproxy`
        #[arg(long)]
        tproxy: bool,
        /// The port of the filtering resolver on this machine; all DNS of the school goes there
        #[arg(long, value_name = "PORT")]
        dns_port: Option<u16>,
        /// Further addresses of DNS over HTTPS to close, one a line
        #[arg(long, value_name = "FILE")]
        doh: Option<PathBuf>,
        /// Leave a way round open that the policy would close: vpn, tor, proxy, remote-control
        #[arg(long, value_name = "WAY")]
        leave_open: Vec<String>,
        /// Let the kernel log what is refused as a way round, for `pharos serve --syslog`
        #[arg(long)]
        log: bool,
    },
    /// Hosts that the running proxy could not look into several times
    Proposals,
    /// Do not look into a host for some days; it is filtered by name as before
    LeaveAlone {
        /// The host, with all hosts below it
        #[arg(long)]
        host: String,
        /// For how long
        #[arg(long)]
        days: u32,
        /// Why
        #[arg(long)]
        why: String,
    },
}

/// `pharos roaming …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct RoamingArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: RoamingCommand,
}

/// What can be done with devices that take the filter along.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum RoamingCommand {
    /// Give a device its own path; it is printed once
    Add {
        /// What the device is called
        #[arg(long)]
        label: String,
        /// Whose it is, by sign-in name; a shared device without
        #[arg(long)]
        user: Option<String>,
        /// For how many days the path holds
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Every device with its own path
    List,
    /// Let a device's path hold for so many days from now on
    Prolong {
        /// The device's id, from the list
        id: String,
        /// For how many days
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Take a device's path back
    Revoke {
        /// The device's id, from the list
        id: String,
    },
}
