//! The walls between the rooms: which crate may stand on which, and what may never reach the core.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::bail;
use cargo_metadata::{DependencyKind, Metadata, PackageId};

/// The rooms from the ground up; a crate may only stand on crates of a lower level, or of its own
/// level where `SAME_LEVEL` allows it.
const LEVELS: &[(u8, &[&str])] = &[
    (0, &["pharos-school"]),
    (1, &[
        "pharos-catalogue", "pharos-policy", "pharos-scan", "pharos-monitor", "pharos-casework",
        "pharos-governance", "pharos-access", "pharos-ledger", "pharos-pack", "pharos-filter",
    ]),
    (2, &["pharos-records", "pharos-activity"]),
    (3, &[
        "pharos-records-sql", "pharos-activity-embedded", "pharos-vault", "pharos-directory",
        "pharos-notify", "pharos-report", "pharos-lists",
    ]),
    (4, &["pharos-service"]),
    (5, &["pharos-dns", "pharos-proxy", "pharos-web", "pharos-jobs"]),
    (6, &["pharos"]),
];

/// Levels whose crates may stand on each other (never in a circle: cargo sees to that).
const SAME_LEVEL: &[u8] = &[1, 3];

/// Levels that do no I/O.
const PURE: &[u8] = &[0, 1];

/// What may not be anywhere below a pure crate.
const IMPURE: &[&str] = &[
    "tokio", "hyper", "axum", "sqlx", "sqlx-core", "libsqlite3-sys", "rustls", "tokio-rustls", "socket2", "memmap2", "nix",
];

/// What may not be in the normal dependencies of anything: one TLS stack, one crypto provider.
const BANNED: &[&str] = &["ring", "openssl-sys", "openssl", "native-tls", "reqwest", "cmake", "bindgen"];

/// Crates that only some rooms may name: SQL in the engine, pages in `web`, engines in the binary.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["pharos-records-sql"]),
    ("parquet", &["pharos-activity-embedded"]),
    ("arrow", &["pharos-activity-embedded"]),
    ("typst", &["pharos-report"]),
    ("axum", &["pharos-web"]),
    ("askama", &["pharos-web", "pharos-proxy"]),
    ("lettre", &["pharos-notify"]),
    ("pharos-records-sql", &["pharos"]),
    ("pharos-activity-embedded", &["pharos"]),
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
                broken.push(format!("{name} names {library}, which belongs in {} alone", rooms.join(", ")));
            }
        }
        let below = graph.below(name);
        if level(name).is_some_and(|level| PURE.contains(&level)) {
            for library in IMPURE.iter().filter(|library| below.contains(**library)) {
                broken.push(format!("{library} reaches the pure crate {name}: see `cargo tree -p {name} -i {library}`"));
            }
        }
        for library in BANNED.iter().filter(|library| below.contains(**library)) {
            broken.push(format!("{library} is banned but reaches {name}: see `cargo tree -p {name} -i {library}`"));
        }
    }
    if !broken.is_empty() {
        bail!("{} broken walls:\n  {}", broken.len(), broken.join("\n  "));
    }
    println!("structure: {} crates, every arrow points down, the core is pure", graph.members.len());
    Ok(())
}

fn check_direction(name: &str, direct: &BTreeSet<String>, broken: &mut Vec<String>) {
    if name == "xtask" || name == "pharos-testkit" {
        return;
    }
    let Some(own) = level(name) else {
        broken.push(format!("{name} stands on no level: add it to xtask/src/structure.rs"));
        return;
    };
    for other in direct {
        if let Some(theirs) = level(other)
            && (theirs > own || (theirs == own && !SAME_LEVEL.contains(&own)))
        {
            broken.push(format!("{name} (level {own}) stands on {other} (level {theirs}): arrows point down only"));
        }
    }
}

fn level(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(_, crates)| crates.contains(&name)).map(|(level, _)| *level)
}

/// Normal and build dependencies of the workspace, tests left out.
struct Graph {
    members: BTreeMap<String, BTreeSet<String>>,
    edges: BTreeMap<PackageId, Vec<PackageId>>,
    names: BTreeMap<PackageId, String>,
    ids: BTreeMap<String, PackageId>,
}

impl Graph {
    fn new(metadata: &Metadata) -> Self {
        let names: BTreeMap<_, _> = metadata.packages.iter().map(|package| (package.id.clone(), package.name.to_string())).collect();
        let mut edges = BTreeMap::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let below = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development))
                .map(|dep| dep.pkg.clone())
                .collect::<Vec<_>>();
            edges.insert(node.id.clone(), below);
        }
        let mut members = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for id in &metadata.workspace_members {
            let Some(name) = names.get(id) else { continue };
            let direct = edges.get(id).into_iter().flatten().filter_map(|dep| names.get(dep).cloned()).collect();
            members.insert(name.clone(), direct);
            ids.insert(name.clone(), id.clone());
        }
        Self { members, edges, names, ids }
    }

    /// The names of everything that the member stands on, near and far.
    fn below(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut queue: VecDeque<&PackageId> = self.ids.get(name).into_iter().collect();
        while let Some(id) = queue.pop_front() {
            for below in self.edges.get(id).into_iter().flatten() {
                if let Some(text) = self.names.get(below)
                    && seen.insert(text.as_str())
                {
                    queue.push_back(below);
                }
            }
        }
        seen
    }
}
