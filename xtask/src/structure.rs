//! The walls between the rooms: which crate may stand on which, and what may never reach the core.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use cargo_metadata::{DependencyKind, Metadata};

/// The rooms from the ground up; a crate may only stand on crates of a lower level, or of its own
/// level where `SAME_LEVEL` allows it.
const LEVELS: &[(u8, &[&str])] = &[
    (0, &["pharos-school"]),
    (
        1,
        &[
            "pharos-catalogue",
            "pharos-policy",
            "pharos-scan",
            "pharos-monitor",
            "pharos-casework",
            "pharos-governance",
            "pharos-access",
            "pharos-ledger",
            "pharos-pack",
            "pharos-filter",
        ],
    ),
    (2, &["pharos-records", "pharos-activity"]),
    (
        3,
        &[
            "pharos-records-sql",
            "pharos-activity-embedded",
            "pharos-vault",
            "pharos-directory",
            "pharos-notify",
            "pharos-report",
            "pharos-lists",
        ],
    ),
    (4, &["pharos-service"]),
    (
        5,
        &[
            "pharos-dns",
            "pharos-proxy",
            "pharos-web",
            "pharos-jobs",
            "pharos-intake",
        ],
    ),
    (6, &["pharos"]),
];

/// Levels whose crates may stand on each other (never in a circle: cargo sees to that).
const SAME_LEVEL: &[u8] = &[1, 3];

/// Levels that do no I/O.
const PURE: &[u8] = &[0, 1];

/// What may not be anywhere below a pure crate.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "axum",
    "sqlx",
    "sqlx-core",
    "libsqlite3-sys",
    "rustls",
    "tokio-rustls",
    "socket2",
    "memmap2",
    "nix",
];

/// What may not be in the normal dependencies of anything: one TLS stack, one crypto provider.
const BANNED: &[&str] = &["ring", "openssl-sys", "openssl", "native-tls", "reqwest"];

/// Crates that only some rooms may name: SQL in the engine, pages in `web`, engines in the binary.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["pharos-records-sql"]),
    ("parquet", &["pharos-activity-embedded"]),
    ("arrow", &["pharos-activity-embedded"]),
    ("typst", &["pharos-report"]),
    ("axum", &["pharos-web"]),
    ("askama", &["pharos-web", "pharos-proxy"]),
    ("lettre", &["pharos-notify"]),
    ("pharos-records-sql", &["pharos", "pharos-testkit"]),
    ("pharos-activity-embedded", &["pharos", "pharos-testkit"]),
];

/// Fails with every broken wall at once.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let metadata = crate::metadata(root)?;
    let graph = Graph::new(&metadata);
    let mut broken = Vec::new();
    for (name, direct) in &graph.members {
        check_direction(name, direct, &mut broken);
        for (library, rooms) in ONLY_IN {
            if direct.contains(*library) && !rooms.contains(&name.as_str()) {
                broken.push(format!(
                    "{name} names {library}, which belongs in {} alone",
                    rooms.join(", ")
                ));
            }
        }
        let below = below(root, name)?;
        if level(name).is_some_and(|level| PURE.contains(&level)) {
            for library in IMPURE.iter().filter(|library| below.contains(**library)) {
                broken.push(format!("{library} reaches the pure crate {name}: see `cargo tree -p {name} -i {library}`"));
            }
        }
        for library in BANNED.iter().filter(|library| below.contains(**library)) {
            broken.push(format!(
                "{library} is banned but reaches {name}: see `cargo tree -p {name} -i {library}`"
            ));
        }
    }
    check_one_build(root, &mut broken)?;
    if !broken.is_empty() {
        bail!("{} broken walls:\n  {}", broken.len(), broken.join("\n  "));
    }
    println!(
        "structure: {} crates, every arrow points down, the core is pure, one build serves the program and the tests",
        graph.members.len()
    );
    Ok(())
}

fn check_direction(name: &str, direct: &BTreeSet<String>, broken: &mut Vec<String>) {
    if name == "xtask" || name == "pharos-testkit" {
        return;
    }
    let Some(own) = level(name) else {
        broken.push(format!(
            "{name} stands on no level: add it to xtask/src/structure.rs"
        ));
        return;
    };
    for other in direct {
        if let Some(theirs) = level(other)
            && (theirs > own || (theirs == own && !SAME_LEVEL.contains(&own)))
        {
            broken.push(format!(
                "{name} (level {own}) stands on {other} (level {theirs}): arrows point down only"
            ));
        }
    }
}

fn level(name: &str) -> Option<u8> {
    LEVELS
        .iter()
        .find(|(_, crates)| crates.contains(&name))
        .map(|(level, _)| *level)
}

/// Whoever types the first command and then `./test` builds each crate of others once: the program
/// asks for the same features as its tests do.
fn check_one_build(root: &Path, broken: &mut Vec<String>) -> anyhow::Result<()> {
    let program = with_features(root, &["--package", "pharos", "--edges", "normal,build"])?;
    let all = with_features(
        root,
        &[
            "--workspace",
            "--exclude",
            "xtask",
            "--edges",
            "normal,build,dev",
        ],
    )?;
    for crate_ in program.difference(&all) {
        broken.push(format!(
            "{crate_} is built again for the tests, with other features: ask for the same in the workspace's Cargo.toml"
        ));
    }
    Ok(())
}

/// The crates of others in a build, each with its version and features.
fn with_features(root: &Path, which: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let text = tree(root, &[which, &["--format", "{p} [{f}]"]].concat())?;
    let lines = text.lines().map(|line| {
        let line = line.strip_suffix(" (*)").unwrap_or(line);
        line.replace(" (proc-macro)", "")
    });
    // Our own crates carry the folder that they lie in.
    Ok(lines.filter(|line| !line.contains(" (/")).collect())
}

/// Everything that a crate stands on in a build without tests, near and far: `cargo tree` knows
/// which features are on then, which `cargo metadata` does not.
fn below(root: &Path, name: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = tree(
        root,
        &["--edges", "normal", "--format", "{p}", "--package", name],
    )?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|other| *other != name)
        .map(str::to_owned)
        .collect())
}

/// What `cargo tree` says.
fn tree(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["tree", "--locked", "--prefix", "none"])
        .args(arguments)
        .output()
        .context("`cargo tree` could not be run")?;
    if !output.status.success() {
        bail!(
            "`cargo tree {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The workspace's crates with what they name as normal dependencies.
struct Graph {
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn new(metadata: &Metadata) -> Self {
        let direct = |package: &cargo_metadata::Package| {
            let normal = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal);
            normal.map(|dependency| dependency.name.clone()).collect()
        };
        let members = metadata
            .workspace_packages()
            .into_iter()
            .map(|package| (package.name.to_string(), direct(package)))
            .collect();
        Self { members }
    }
}
