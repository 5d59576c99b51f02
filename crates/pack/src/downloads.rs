//! `fil.downloads`, `fil.browsers` and what belongs to them, as the policy wants it (FIL-16, FIL-19).

use pharos_policy::spec::{
    AntivirusSpec, BrowsersSpec, ClosedSpec, DownloadsSpec, FileBlockSpec, GroupSpec, Undecided,
};
use pharos_policy::{Browser, FileKind, PolicySpec, is_extension_name};
use pharos_school::Role;

use crate::names::Names;
use crate::problem::nearest;
use crate::read::Cx;
use crate::settings::{SettingValue, Settings};

const PERMISSION: &str = "fil.download_permission";
const EXTENSIONS: &str = "fil.firefox_extensions";

/// Adds what the settings say.
pub(crate) fn add_downloads(spec: &mut PolicySpec, settings: &Settings) {
    let permitted = settings.list(PERMISSION);
    let is_group = |name: &String| {
        spec.groups.contains_key(name) || crate::names::BUILT_IN_GROUPS.contains(&name.as_str())
    };
    let (mut except, roles): (Vec<String>, Vec<String>) = permitted.into_iter().partition(is_group);
    let roles: Vec<Role> = roles.iter().filter_map(|role| role.parse().ok()).collect();
    if !roles.is_empty() {
        // Called as the setting is, which no group of a school would be.
        let group = GroupSpec {
            roles,
            ..GroupSpec::default()
        };
        spec.groups.insert(PERMISSION.to_owned(), group);
        except.push(PERMISSION.to_owned());
    }
    spec.browsers = browsers(settings, &except);
    let block = settings.map("fil.downloads").into_iter();
    let block = block.filter(|(_, kinds)| !kinds.is_empty());
    spec.downloads = DownloadsSpec {
        block: block
            .map(|(group, names)| FileBlockSpec {
                groups: vec![group],
                except: except.clone(),
                kinds: kinds(&names),
            })
            .collect(),
        sites: settings.list("fil.download_sites"),
        antivirus: antivirus(settings),
    };
}

/// `fil.browsers`, `fil.other_browsers` and `fil.extension_stores`; `except` may download everything.
fn browsers(settings: &Settings, except: &[String]) -> BrowsersSpec {
    let permitted = settings.list("fil.browsers");
    let closed = |setting: &str, except: &[String]| {
        ["pupils", "staff"]
            .into_iter()
            .filter(|group| settings.word_of(setting, group).as_deref() == Some("blocked"))
            .map(|group| ClosedSpec {
                groups: vec![group.to_owned()],
                except: except.to_vec(),
            })
            .collect()
    };
    BrowsersSpec {
        permitted: permitted
            .iter()
            .filter_map(|name| Browser::named(name))
            .collect(),
        block_others: closed("fil.other_browsers", &[]),
        close_stores: closed("fil.extension_stores", except),
        extensions: settings.list(EXTENSIONS),
    }
}

fn antivirus(settings: &Settings) -> AntivirusSpec {
    let usual = AntivirusSpec::default();
    let undecided = |name: &str| match settings.text(name).as_deref() {
        Some("allow") => Undecided::Allow,
        _ => Undecided::Block,
    };
    let mb_max = settings.number("fil.antivirus_mb");
    AntivirusSpec {
        engine: settings.text("fil.antivirus"),
        kinds: kinds(&settings.list("fil.antivirus_kinds")),
        mb_max: mb_max
            .and_then(|mb| u32::try_from(mb).ok())
            .unwrap_or(usual.mb_max),
        larger: undecided("fil.antivirus_larger"),
        away: undecided("fil.antivirus_away"),
    }
}

fn kinds(names: &[String]) -> Vec<FileKind> {
    names
        .iter()
        .filter_map(|name| FileKind::named(name))
        .collect()
}

/// Each extension is named by its id or its short name in the store.
pub(crate) fn check_extensions(settings: &Settings, cx: &mut Cx<'_>) {
    let Some(set) = settings.written(EXTENSIONS) else {
        return;
    };
    let SettingValue::List(named) = &set.value else {
        return;
    };
    for name in named.iter().filter(|name| !is_extension_name(name)) {
        cx.error(
            set.place,
            format!("{EXTENSIONS}: {name:?} is no id and no short name of an extension"),
            "write \"ublock-origin\" as in its address in the store, or its id such as \"uBlock0@raymondhill.net\"",
        );
    }
}

/// Whoever has permission is a group of the pack or a role.
pub(crate) fn check_permission(settings: &Settings, names: &Names, cx: &mut Cx<'_>) {
    let Some(set) = settings.written(PERMISSION) else {
        return;
    };
    let SettingValue::List(permitted) = &set.value else {
        return;
    };
    for name in permitted {
        if names.groups.contains(name) || name.parse::<Role>().is_ok() {
            continue;
        }
        let roles = Role::ALL.iter().map(|role| role.name());
        let known = names.groups.iter().map(String::as_str).chain(roles);
        cx.error(
            set.place,
            format!("{PERMISSION}: {name:?} is no group and no role"),
            nearest(name, known),
        );
    }
}
